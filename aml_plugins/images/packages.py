"""The environment layer, built as runs build theirs: packages of a pip environment, or a conda environment whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from aml_plugins.environments.builders import BuildError, environment_key, prepare
from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.images.conda_prefix import CONDA_PATH, conda_entries
from aml_plugins.images.layers import Entry, files_below
from aml_plugins.json_types import JsonObject

__all__ = [
    "SERVER_REQUIREMENTS",
    "Prepared",
    "environment_entries",
    "environment_variables",
    "prepare_environment",
    "serving_environment",
    "site_packages",
]

SERVER_REQUIREMENTS = ("uvicorn", "httptools", "uvloop", "prometheus-client")
PACKAGES_PATH, SERVER_ROOT = "opt/aml/packages", "opt/aml/server"
_LEFT_OUT = frozenset({"__pycache__", "pip", "_virtualenv.py", "_virtualenv.pth", ".lock"})


def serving_environment(environment: JsonObject) -> dict[str, Any]:
    """Return the environment with what the scoring server needs.

    :raises InvalidInputError: for a kind that no image is made of here.
    """
    kind = environment.get("kind", "existing")
    if kind == "existing":
        return {"kind": "pip", "requirements": list(SERVER_REQUIREMENTS)}
    if kind == "conda":
        return {**environment, "specification": _with_server(environment["specification"])}
    if kind != "pip":
        raise InvalidInputError(
            f"Images have pip or conda environments, not environments of kind '{kind}'.",
            "Write the packages as pip requirements; a base image is --base-image.",
        )
    requirements = environment.get("requirements") or ()
    assert isinstance(requirements, (list, tuple))  # noqa: S101  the section's type
    return {**environment, "requirements": [*requirements, *SERVER_REQUIREMENTS]}


@dataclass(frozen=True, slots=True)
class Prepared:
    """An environment on this machine.

    :param python: its Python's path.
    :param variables: what programs in it need beside ``PATH``: of a conda environment that is activated.
    """

    python: str
    variables: Mapping[str, str]

    @property
    def prefix(self) -> Path:
        """Its directory."""
        return Path(self.python).parent.parent


def prepare_environment(environment: JsonObject, cache: Path, log: BinaryIO) -> Prepared:
    """Return an environment, built where the cache has none.

    :raises OperationFailedError: with the last lines of what failed.
    """
    try:
        made = prepare(environment, str(cache), log, lambda: False)
    except BuildError as error:
        raise OperationFailedError(f"The environment cannot be built: {error}", "See the build's log.") from error
    return Prepared(str(made["python"]), dict(made["variables"]))


def key_of(environment: JsonObject) -> str:
    """Return the name of the environment's content."""
    try:
        return environment_key(environment)
    except BuildError as error:
        raise InvalidInputError(f"The environment cannot be built here: {error}", "Choose another Python.") from error


def site_packages(prefix: Path) -> Path:
    """Return where an environment's packages lie."""
    found = sorted(prefix.glob("lib/python3*/site-packages"))
    if not found:
        raise OperationFailedError(f"The environment {prefix} has no packages.", "Build it again.")
    return found[0]


def environment_entries(environment: JsonObject, prepared: Prepared) -> Iterator[Entry]:
    """Yield the files of an environment that was built on this machine."""
    if environment["kind"] == "conda":
        return conda_entries(prepared.prefix)
    return _site_packages_entries(site_packages(prepared.prefix))


def environment_variables(environment: JsonObject, prepared: Prepared, base: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which the entry point finds the environment, together with the base's."""
    if environment["kind"] != "conda":
        return {**base, "PYTHONPATH": f"/{PACKAGES_PATH}:/{SERVER_ROOT}"}
    path = base.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    activated = {
        name: value.replace(str(prepared.prefix), f"/{CONDA_PATH}") for name, value in prepared.variables.items()
    }
    found = {**base, **activated, "CONDA_PREFIX": f"/{CONDA_PATH}", "PYTHONPATH": f"/{SERVER_ROOT}"}
    if "LD_LIBRARY_PATH" not in activated:
        found.pop("LD_LIBRARY_PATH", None)  # the base's libraries would come before conda's own
    return {**found, "PATH": f"/{CONDA_PATH}/bin:{path}"}


def _with_server(specification: Any) -> dict[str, Any]:
    """Return a conda specification whose pip section has the scoring server's packages, too."""
    items = specification.get("dependencies") or ()
    packages = [item for item in items if not isinstance(item, Mapping)]
    lines = [line for item in items if isinstance(item, Mapping) for line in item.get("pip") or ()]
    return {**specification, "dependencies": [*packages, {"pip": [*lines, *SERVER_REQUIREMENTS]}]}


def _site_packages_entries(folder: Path) -> Iterator[Entry]:
    """Yield the packages; what names the building machine is left out."""
    for entry in files_below(folder, PACKAGES_PATH, without=_LEFT_OUT):
        name = entry.path.rpartition("/")[2]
        if ".dist-info/" in entry.path and name in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}:
            continue
        if not entry.path.startswith(f"{PACKAGES_PATH}/pip-"):
            yield entry


def host_version() -> str:
    """Return this Python's version as images name it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
