"""An MLflow model as its directory describes it: what an image without a scoring script is made of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonObject
from aml_plugins.runs.configuration.environment import CondaEnvironment, PipEnvironment
from aml_plugins.runs.configuration.resolving import resolve

__all__ = ["check_mlflow_model", "mlflow_environment"]

_LARGEST = 1 << 20
_DISTRIBUTION = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
# What conda puts into every environment that MLflow describes; anything else only conda can install.
_OF_EVERY_ENVIRONMENT = frozenset({"python", "pip", "setuptools", "wheel"})


def check_mlflow_model(folder: Path, name: str) -> Mapping[str, Any]:
    """Return how the model is served as a Python function, from its ``MLmodel`` file.

    :raises InvalidInputError: where it is no MLflow model, or none that has ``predict()``.
    """
    found = _yaml(folder / "MLmodel", name) if folder.is_dir() else None
    if found is None:
        raise InvalidInputError(
            f"The model '{name}' is no MLflow model: it has no file MLmodel.",
            "Give a scoring script: --script SCRIPT, or InferenceConfig(SCRIPT).",
        )
    flavors = found.get("flavors")
    flavor = flavors.get("python_function") if isinstance(flavors, Mapping) else None
    if not isinstance(flavor, Mapping):
        raise InvalidInputError(
            f"The MLflow model '{name}' has no python_function flavor, so that nothing can call it.",
            "Give a scoring script: --script SCRIPT, or InferenceConfig(SCRIPT).",
        )
    return {"mlflow_version": found.get("mlflow_version"), **flavor}


def mlflow_environment(folder: Path, name: str) -> JsonObject:
    """Return the model's own environment: its ``requirements.txt``, or ``conda.yaml`` where only conda will do.

    The Python is of the minor version that the model was logged with, as MLflow's own server takes it; MLflow itself is
    added where the model does not name it.

    :raises InvalidInputError: for files that do not say what they must.
    """
    flavor = check_mlflow_model(folder, name)
    conda = _yaml(folder / _conda_file(flavor), name)
    mlflow = f"mlflow=={flavor['mlflow_version']}" if flavor.get("mlflow_version") else "mlflow"
    if conda is not None and _wants_conda(conda):
        return resolve(CondaEnvironment(specification=_with_pip(conda, mlflow)), folder).to_json()
    lines = _requirements(folder, conda)
    given = [*lines, *([] if _names_mlflow(lines) else [mlflow])]
    environment = PipEnvironment(requirements=tuple(given), python=_minor(flavor.get("python_version")))
    return resolve(environment, folder).to_json()


def _conda_file(flavor: Mapping[str, Any]) -> str:
    """Return the name of the conda file, which is in the model's own directory whatever the model says."""
    env = flavor.get("env")
    named = env.get("conda") if isinstance(env, Mapping) else env
    return Path(named).name if isinstance(named, str) and Path(named).name else "conda.yaml"


def _requirements(folder: Path, conda: Mapping[str, Any] | None) -> list[str]:
    file = folder / "requirements.txt"
    if file.is_file():
        return _text(file).splitlines()
    return _pip_lines(conda or {})


def _wants_conda(conda: Mapping[str, Any]) -> bool:
    names = {_name(item) for item in _dependencies(conda) if isinstance(item, str)}
    return not names <= _OF_EVERY_ENVIRONMENT


def _with_pip(conda: Mapping[str, Any], mlflow: str) -> dict[str, Any]:
    lines = _pip_lines(conda)
    packages = [item for item in _dependencies(conda) if isinstance(item, str)]
    known = _names_mlflow([*lines, *packages])
    return {**conda, "dependencies": [*packages, {"pip": [*lines, *([] if known else [mlflow])]}]}


def _pip_lines(conda: Mapping[str, Any]) -> list[str]:
    sections = [item.get("pip") or () for item in _dependencies(conda) if isinstance(item, Mapping)]
    return [str(line) for section in sections for line in section]


def _dependencies(conda: Mapping[str, Any]) -> Sequence[Any]:
    found = conda.get("dependencies")
    return found if isinstance(found, list) else ()


def _names_mlflow(lines: Sequence[str]) -> bool:
    return any(_name(line) in {"mlflow", "mlflow-skinny"} for line in lines)


def _name(requirement: str) -> str:
    found = _DISTRIBUTION.match(requirement.rpartition("::")[2])
    return found.group(1).lower().replace("_", "-") if found else ""


def _minor(version: object) -> str | None:
    found = re.match(r"3\.[0-9]{1,2}", str(version))
    return found.group() if found else None


def _yaml(path: Path, name: str) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    try:
        loaded = yaml.safe_load(_text(path))
    except yaml.YAMLError:
        loaded = None
    if not isinstance(loaded, Mapping):
        raise InvalidInputError(
            f"The model '{name}' is damaged: its file {path.name} cannot be read.", "Register it again."
        )
    return loaded


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST:
        raise InvalidInputError(f"The model's file {path.name} has more than {_LARGEST} bytes.", "Register it again.")
    return path.read_text(encoding="utf-8", errors="replace")
