"""At submission: the content of named files takes the place of their names. A file outside is never read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration.documents import read_document, read_text
from aml_plugins.runs.configuration.environment import (
    CondaEnvironment,
    DockerEnvironment,
    Environment,
    ExistingEnvironment,
    PipEnvironment,
    check_specification,
)
from aml_plugins.runs.configuration.requirements import Requirements, inside

__all__ = ["resolve"]

_MAX_DOCKERFILE: Final = 256 * 1024


def resolve(environment: Environment, directory: Path) -> Environment:
    """Return the environment without names of files; see ``RunConfiguration.resolve``."""
    if isinstance(environment, DockerEnvironment):
        return _docker(environment, directory)
    return _python(environment, directory)


def _python(
    environment: ExistingEnvironment | PipEnvironment | CondaEnvironment, directory: Path
) -> ExistingEnvironment | PipEnvironment | CondaEnvironment:
    if isinstance(environment, PipEnvironment):
        return PipEnvironment(requirements=_requirements(environment, directory), python=environment.python)
    if isinstance(environment, CondaEnvironment):
        return CondaEnvironment(specification=_specification(environment, directory))
    return environment


def _requirements(environment: PipEnvironment, directory: Path) -> tuple[str, ...]:
    found = Requirements(directory)
    if environment.requirements_file is not None:
        found.add_file(environment.requirements_file, directory, "requirements file")
    found.add_lines(environment.requirements, directory, "'environment.requirements'")
    return tuple(found.lines)


def _specification(environment: CondaEnvironment, directory: Path) -> dict[str, Any]:
    if environment.file is None:
        name, folder = "'environment.specification'", directory
        specification: dict[str, Any] = dict(environment.specification or {})
    else:
        path = inside(directory, environment.file, directory, "conda specification")
        name, folder = environment.file, path.parent
        specification = dict(read_document(path, name).value)
    try:
        check_specification(specification)
    except ValueError as error:
        raise InvalidInputError(
            f"The conda specification {name} {error}.", "Write it as conda's environment.yml."
        ) from None
    items: list[Any] = specification.get("dependencies") or []
    specification["dependencies"] = [_pip(item, directory, folder, name) for item in items]
    return specification


def _pip(item: Any, directory: Path, folder: Path, name: str) -> Any:
    if isinstance(item, str):
        return item
    found = Requirements(directory)
    found.add_lines(item["pip"] or (), folder, name)
    return {"pip": found.lines}


def _docker(environment: DockerEnvironment, directory: Path) -> DockerEnvironment:
    values: dict[str, Any] = environment.to_json()
    if environment.dockerfile_file is not None:
        path = inside(directory, environment.dockerfile_file, directory, "Dockerfile")
        values["dockerfile"] = read_text(path, environment.dockerfile_file, _MAX_DOCKERFILE)
        del values["dockerfile_file"]
    values["python"] = _python(environment.python, directory).to_json()
    return DockerEnvironment(**values)
