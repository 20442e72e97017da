"""The environment layer: the packages of a pip environment, built as runs build theirs, without its Python."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from aml_plugins.environments.builders import BuildError, environment_key, prepare
from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.images.layers import Entry, files_below
from aml_plugins.json_types import JsonObject

__all__ = [
    "SERVER_REQUIREMENTS",
    "prepare_environment",
    "serving_environment",
    "site_packages",
    "site_packages_entries",
]

SERVER_REQUIREMENTS = ("uvicorn", "httptools", "uvloop", "prometheus-client")
PACKAGES_PATH = "opt/aml/packages"
_LEFT_OUT = frozenset({"__pycache__", "pip", "_virtualenv.py", "_virtualenv.pth", ".lock"})


def serving_environment(environment: JsonObject) -> dict[str, Any]:
    """Return the environment with what the scoring server needs.

    :raises InvalidInputError: for a kind that no image is made of here.
    """
    kind = environment.get("kind", "existing")
    if kind == "existing":
        return {"kind": "pip", "requirements": list(SERVER_REQUIREMENTS)}
    if kind != "pip":
        raise InvalidInputError(
            f"The builder 'oci' puts pip environments into images, not environments of kind '{kind}'.",
            "Write the packages as pip requirements.",
        )
    requirements = environment.get("requirements") or ()
    assert isinstance(requirements, (list, tuple))  # noqa: S101  the section's type
    return {**environment, "requirements": [*requirements, *SERVER_REQUIREMENTS]}


def prepare_environment(environment: JsonObject, cache: Path, log: BinaryIO) -> str:
    """Return the Python of an environment, built where the cache has none.

    :raises OperationFailedError: with the last lines of what failed.
    """
    try:
        return str(prepare(environment, str(cache), log, lambda: False)["python"])
    except BuildError as error:
        raise OperationFailedError(f"The environment cannot be built: {error}", "See the build's log.") from error


def key_of(environment: JsonObject) -> str:
    """Return the name of the environment's content."""
    try:
        return environment_key(environment)
    except BuildError as error:
        raise InvalidInputError(f"The environment cannot be built here: {error}", "Choose another Python.") from error


def site_packages(python: str) -> Path:
    """Return where an environment's packages lie."""
    prefix = Path(python).parent.parent
    found = sorted(prefix.glob("lib/python3*/site-packages"))
    if not found:
        raise OperationFailedError(f"The environment {prefix} has no packages.", "Build it again.")
    return found[0]


def site_packages_entries(folder: Path) -> Iterator[Entry]:
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
