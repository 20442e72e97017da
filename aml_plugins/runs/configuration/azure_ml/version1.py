"""The top level of an Azure ML v1 run configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from aml_plugins.runs.configuration.azure_ml.data import data
from aml_plugins.runs.configuration.azure_ml.environment import environment, environment_part
from aml_plugins.runs.configuration.azure_ml.part import Part

__all__ = ["framework", "spark", "version1"]

_PYTHON: Final = re.compile(r"(.*/)?python[0-9.]*")
_DATA_ARGUMENT: Final = re.compile(r"(DatasetConsumptionConfig|DatasetOutputConfig):(\w+)")
_LAUNCHERS: Final = {"openmpi": "mpi", "intelmpi": "mpi", "nccl": "pytorch", "gloo": "pytorch"}


def version1(top: Part, directory: Path, path: Path) -> dict[str, Any]:
    """Return the values of our model, taken out of ``top``."""
    script, arguments = _command(top)
    section = environment_part(top, directory, path)
    is_spark = framework(top) == "pyspark"
    variables = section.named_texts("environmentVariables") | top.named_texts("environmentVariables")
    return {
        "script": script,
        "arguments": arguments,
        "target": top.text("target"),
        "environment": environment(section, top.part("docker"), directory, path),
        "environment_variables": variables,
        "time_limit": top.number("maxRunDurationSeconds") or None,
        "node_count": _node_count(top),
        "data": data(top),
        "spark": spark(top.part("spark"), section.part("spark"), top.part("hdi")) if is_spark else None,
    }


def framework(top: Part) -> str:
    """Take a framework that we know; leave others to be reported."""
    word = str(top.peek("framework") or "python").lower()
    if word in {"python", "pyspark"}:
        top.take("framework")
    return word


def _command(top: Part) -> tuple[str | None, list[str]]:
    """``command`` stands for script and arguments; what is not Python is none of our scripts."""
    words = top.texts("command")
    script, arguments = top.text("script"), [_path_of_data(word) for word in top.texts("arguments")]
    if not words:
        return script, arguments
    if len(words) < 2 or not _PYTHON.fullmatch(words[0]) or words[1].startswith("-"):  # noqa: PLR2004  python and script
        raise top.wrong("command", "does not start a Python script; give 'script' and 'arguments' instead")
    return words[1], words[2:]


def _path_of_data(argument: str) -> str:
    """A data set given as an argument stood in saved files under its name; its script got the path."""
    found = _DATA_ARGUMENT.fullmatch(argument)
    return f"$AZUREML_DATAREFERENCE_{found[2]}" if found else argument


def _node_count(top: Part) -> int:
    """The section of the launcher in use counts where the top level was left at one."""
    count = top.number("nodeCount") or 1
    section = _LAUNCHERS.get(str(top.peek("communicator")).lower())
    own = top.part(section).number("nodeCount") if section else None
    return own or 1 if count == 1 else count


def spark(section: Part, dependencies: Part, hdi: Part | None) -> dict[str, Any]:
    """Return our Spark section from Azure ML's three places."""
    dependencies.take("precachePackages")  # an optimisation of Azure ML's image builds
    mode = str((hdi and hdi.text("yarnDeployMode")) or "").lower()
    return {
        "conf": section.named_texts("configuration"),
        "repositories": dependencies.texts("repositories"),
        "packages": _packages(dependencies),
        "deploy_mode": mode if mode in {"client", "cluster"} else None,
    }


def _packages(dependencies: Part) -> list[str]:
    packages = dependencies.take("packages") or []
    if not isinstance(packages, list):
        raise dependencies.wrong("packages", "must be a list")
    return [_package(dependencies, package) for package in packages]


def _package(dependencies: Part, package: Any) -> str:
    if isinstance(package, str):
        return package
    coordinates = ("group", "artifact", "version")
    if not isinstance(package, dict) or not all(isinstance(package.get(key), str) for key in coordinates):
        raise dependencies.wrong("packages", "must list group, artifact and version (in quotes) of each package")
    return ":".join(package[key] for key in coordinates)
