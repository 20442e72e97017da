"""In which Python or Docker image a script runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from aml_plugins.runs.configuration.section import Section
from aml_plugins.runs.configuration.text import Arguments, SecretReference

__all__ = [
    "CondaEnvironment",
    "ContainerRegistry",
    "DockerEnvironment",
    "Environment",
    "ExistingEnvironment",
    "PipEnvironment",
    "PythonEnvironment",
]


class _Environment(Section):
    @model_serializer(mode="wrap")
    def _always_with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The kind stays in a file that leaves defaults out."""
        values: dict[str, Any] = handler(self)
        return {"kind": type(self).model_fields["kind"].default, **values}

    def to_json(self) -> dict[str, JsonValue]:
        """Return the environment as plain JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


class ExistingEnvironment(_Environment):
    """A Python that is on the compute target already; nothing is installed."""

    kind: Literal["existing"] = "existing"
    interpreter: str | None = Field(
        None, min_length=1, description="Path of the Python interpreter on the target; the target's own by default."
    )


class PipEnvironment(_Environment):
    """A virtual environment made from pip requirements, built once and shared between runs."""

    kind: Literal["pip"] = "pip"
    requirements: tuple[str, ...] = Field((), description="Requirements, one an item, as in a requirements file.")
    requirements_file: str | None = Field(
        None, min_length=1, description="A requirements file in the source directory; comes before 'requirements'."
    )
    python: str | None = Field(
        None,
        pattern=r"^3(\.[0-9]{1,2}){0,2}$",
        description="Python version, such as '3.11'; that of the target by default. Mind the quotes.",
    )


class CondaEnvironment(_Environment):
    """A conda environment, built once and shared between runs."""

    kind: Literal["conda"] = "conda"
    specification: dict[str, JsonValue] | None = Field(
        None, description="The specification itself: channels, dependencies, as in environment.yml."
    )
    file: str | None = Field(None, min_length=1, description="A specification file in the source directory.")

    @field_validator("specification")
    @classmethod
    def _is_a_specification(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        check_specification(value)
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.specification is None) == (self.file is None):
            raise ValueError("of kind conda needs either 'file' or 'specification'")
        return self


PythonEnvironment: TypeAlias = Annotated[
    ExistingEnvironment | PipEnvironment | CondaEnvironment, Field(discriminator="kind")
]


class ContainerRegistry(Section):
    """Where an image comes from, if not from the public registry its name says."""

    address: str | None = Field(None, description="Address of the registry, such as registry.example.com.")
    username: str | None = Field(None, description="User name for the registry.")
    password: SecretReference | None = Field(
        None, description="secret://STORE/NAME of the password; never the password."
    )


class DockerEnvironment(_Environment):
    """A container; the Python inside may be prepared as without one."""

    kind: Literal["docker"] = "docker"
    image: str | None = Field(None, min_length=1, description="Image to run in, such as python:3.11-slim.")
    dockerfile: str | None = Field(None, min_length=1, description="Content of a Dockerfile to build the image from.")
    dockerfile_file: str | None = Field(None, min_length=1, description="A Dockerfile in the source directory.")
    arguments: Arguments = Field((), description="Further arguments for docker run.")
    shm_size: str | None = Field(
        None, pattern=r"^[0-9]+[bkmgBKMG]?$", description="Size of /dev/shm as docker run takes it, such as 2g."
    )
    shared_volumes: bool = Field(
        default=True, description="Whether to mount the job's directory instead of copying it."
    )
    registry: ContainerRegistry | None = Field(None, description="Registry to pull the image from.")
    python: PythonEnvironment = Field(ExistingEnvironment(), description="The Python environment inside the container.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(value is not None for value in (self.image, self.dockerfile, self.dockerfile_file)) != 1:
            raise ValueError("of kind docker needs one of 'image', 'dockerfile' and 'dockerfile_file'")
        return self


Environment: TypeAlias = Annotated[
    ExistingEnvironment | PipEnvironment | CondaEnvironment | DockerEnvironment, Field(discriminator="kind")
]


def check_specification(value: Mapping[str, JsonValue]) -> None:
    """Check the shape of a conda specification; conda itself checks the packages.

    :raises ValueError: saying what is wrong, as the end of a sentence.
    """
    for key in ("dependencies", "channels"):
        items = value.get(key) or []
        if isinstance(items, str) or not isinstance(items, Sequence):
            raise ValueError(f"must have a list under '{key}'")  # noqa: TRY004  pydantic wants ValueError
        if not all(isinstance(item, str) or (key == "dependencies" and _is_pip(item)) for item in items):
            raise ValueError(f"must list texts under '{key}'" + (", and a mapping 'pip:'" if key[0] == "d" else ""))


def _is_pip(item: JsonValue) -> bool:
    if not isinstance(item, dict) or list(item) != ["pip"]:
        return False
    found = item["pip"]
    return found is None or (isinstance(found, list) and all(isinstance(requirement, str) for requirement in found))
