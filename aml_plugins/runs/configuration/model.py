"""The run configuration: how a script executes on a compute target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, JsonValue, ValidationError

from aml_plugins.json_types import JsonObject
from aml_plugins.runs.configuration.environment import Environment, ExistingEnvironment
from aml_plugins.runs.configuration.mistakes import explain
from aml_plugins.runs.configuration.quantities import Count, Duration
from aml_plugins.runs.configuration.section import Section
from aml_plugins.runs.configuration.sections import DataReference, Resources, Spark
from aml_plugins.runs.configuration.text import Arguments, EnvironmentVariables, TextMap

__all__ = ["RunConfiguration"]

_MERGED_BY_NAME = ("environment_variables", "data", "tags")


class RunConfiguration(Section):
    """How a script executes on a compute target. A value: it does not change, :meth:`merged` makes another.

    :raises InvalidInputError: where an argument is wrong.
    """

    script: str | None = Field(None, min_length=1, description="The script to run, relative to the source directory.")
    arguments: Arguments = Field((), description="Arguments of the script; numbers and booleans become text.")
    target: str = Field("local", min_length=1, description="Name of the compute target.")
    environment: Environment = Field(ExistingEnvironment(), description="In which Python or Docker image it runs.")
    environment_variables: EnvironmentVariables = Field(
        default_factory=dict, description="Variables for the script; a secret is given as secret://STORE/NAME."
    )
    resources: Resources = Field(Resources(), description="What the script needs on each node.")
    data: dict[str, DataReference] = Field(
        default_factory=dict, description="Inputs and outputs in datastores, by the names the script knows them by."
    )
    time_limit: Duration | None = Field(
        None, description="After which the script is ended: seconds, 1h30m or ISO 8601 (PT1H30M). None by default."
    )
    retries: Count = Field(0, ge=0, le=100, description="How often a run that failed is tried again.")
    loss_retries: Count | None = Field(
        None,
        ge=0,
        le=100,
        description="How often a run that lost its machine is tried again; by default, as retries say.",
    )
    node_count: Count = Field(1, ge=1, le=100_000, description="How many machines the script runs on.")
    spark: Spark | None = Field(None, description="How spark-submit starts the script, where it is a Spark job.")
    tags: TextMap = Field(default_factory=dict, description="Tags of the run.")
    unknown: dict[str, JsonValue] = Field(
        default_factory=dict, description="What an Azure ML v1 file said and nothing here uses; kept as it was."
    )

    @property
    def notes(self) -> list[str]:
        """One line for each thing that was read from an Azure ML v1 file and has no effect."""
        if not self.unknown:
            return []
        from aml_plugins.runs.configuration.azure_ml.notes import notes  # noqa: PLC0415  v1 files are the rare case

        return notes(self.unknown)

    @classmethod
    def load(cls, directory: str | Path = ".", name: str = "default") -> Self:
        """Read ``.aml/NAME.runconfig`` of a source directory, or an Azure ML v1 file, or the file ``name``.

        :raises NotFoundError: naming the configurations that are there.
        :raises InvalidInputError: naming file, line and key of what is wrong.
        """
        from aml_plugins.runs.configuration.files import load  # noqa: PLC0415  brings YAML

        return load(cls, Path(directory), name)

    def save(self, directory: str | Path, name: str) -> Path:
        """Write ``.aml/NAME.runconfig`` in a source directory, completely or not at all, and return its path.

        :raises InvalidInputError: where it cannot be written.
        """
        from aml_plugins.runs.configuration.files import save  # noqa: PLC0415  brings YAML

        return save(self, Path(directory), name)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the configuration as plain JSON values, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def from_json(cls, value: JsonObject) -> Self:
        """Read what :meth:`to_json` returned.

        :raises InvalidInputError: where it cannot be right, for instance written by a newer version.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise explain(error, value) from None

    def merged(self, **changes: Any) -> Self:
        """Return a copy with other values. Variables, data and tags are added by name; ``None`` changes nothing.

        :raises InvalidInputError: where a value is wrong or there is no such key.
        """
        values: dict[str, Any] = self.to_json()
        for key, change in changes.items():
            if change is not None:
                plain = _plain(change)
                values[key] = values[key] | plain if key in _MERGED_BY_NAME and isinstance(plain, dict) else plain
        return self.from_json(values)

    def resolve(self, directory: str | Path) -> Self:
        """Return one that holds the content of the files it names; ask at submission.

        :raises InvalidInputError: where a file is missing, not a file of the directory, or wrong.
        """
        if isinstance(self.environment, ExistingEnvironment):  # names no file
            return self
        from aml_plugins.runs.configuration.resolving import resolve  # noqa: PLC0415  brings YAML

        resolved = resolve(self.environment, Path(directory))
        return self if resolved is self.environment else self.merged(environment=resolved)


def _plain(value: Any) -> Any:
    """Return sections as JSON, also inside mappings and lists."""
    if isinstance(value, Section):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
