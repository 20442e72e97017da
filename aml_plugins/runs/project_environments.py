"""The environment of an MLflow project, in a run configuration's words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from aml_plugins.errors import InvalidInputError

__all__ = ["environment_of", "variables_of"]


def environment_of(project: Any) -> dict[str, Any]:
    """Return the environment that a project describes: an image, packages of pip or conda, else an existing Python.

    :raises InvalidInputError: for an image with volumes: their paths mean nothing on a target.
    """
    if project.docker_env:
        if project.docker_env.get("volumes"):
            raise InvalidInputError(
                "The project's docker_env has volumes, which the backend 'aml' does not mount.",
                "Remove them, and name in the backend configuration's 'data' what the run needs.",
            )
        return {"kind": "docker", "image": str(project.docker_env["image"])}
    if project.env_config_path and str(project.env_type) == "python_env":
        described = yaml.safe_load(Path(project.env_config_path).read_text(encoding="utf-8")) or {}
        python = described.get("python")
        return {
            "kind": "pip",
            "requirements": _requirements(described, Path(project.env_config_path).parent),
            **({"python": str(python)} if python else {}),
        }
    if project.env_config_path and str(project.env_type) == "conda_env":
        specification = yaml.safe_load(Path(project.env_config_path).read_text(encoding="utf-8")) or {}
        return {"kind": "conda", "specification": specification}
    return {"kind": "existing"}


def variables_of(project: Any) -> dict[str, str]:
    """Return the environment variables of a project's image.

    Those that MLflow copies from the machine are references: their values are looked up when the job starts, and are
    not written down.
    """
    found = {}
    for wanted in (project.docker_env or {}).get("environment") or []:
        if isinstance(wanted, str):
            found[wanted] = f"secret://env/{wanted}"
        else:
            name, value = wanted
            found[str(name)] = str(value)
    return found


def _requirements(described: Mapping[str, Any], directory: Path) -> list[str]:
    """Return build and run requirements; ``-r FILE`` lines are read in place."""
    found: list[str] = []
    for line in [*(described.get("build_dependencies") or []), *(described.get("dependencies") or [])]:
        text = str(line).strip()
        if text.startswith("-r "):
            lines = (directory / text.removeprefix("-r ").strip()).read_text(encoding="utf-8").splitlines()
            found += [row for row in map(str.strip, lines) if row and not row.startswith("#")]
        else:
            found.append(text)
    return found
