"""Run configurations of Azure ML Workbench (2017-18), with the ``TARGET.compute`` file beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from aml_plugins.runs.configuration.azure_ml.environment import DEFAULT_IMAGE, conda_file
from aml_plugins.runs.configuration.azure_ml.part import Part
from aml_plugins.runs.configuration.azure_ml.version1 import framework, spark
from aml_plugins.runs.configuration.documents import Document, read_document
from aml_plugins.runs.configuration.requirements import inside

__all__ = ["workbench"]

_FILE_OF_THE_EDITOR: Final = "$file"
_DOCKER_TYPES: Final = frozenset({"remotedocker", "localdocker", "amlcompute", "containerinstance"})


def workbench(top: Part, directory: Path, path: Path) -> dict[str, Any]:
    """Return the values of our model, taken out of ``top``."""
    words = top.texts("argumentVector")
    script = words[0] if words and words[0] != _FILE_OF_THE_EDITOR else None
    target = top.text("target")
    compute = _compute(target, path)
    is_spark = framework(top) == "pyspark"
    dependencies = top.text("sparkDependenciesFile")
    for key in ("managedEnvironment", "prepareEnvironment", "trackedRun", "useSampling"):
        if top.peek(key) in {None, True}:
            top.take(key)
    top.take("description")
    conda = top.text("condaDependenciesFile") or top.text("condaFile")
    return {
        "script": script,
        "arguments": words[1:],
        "target": target,
        "environment_variables": top.named_texts("environmentVariables"),
        "environment": _environment(conda, compute, directory, path),
        "node_count": compute.number("nodeCount"),
        "spark": _spark(dependencies, compute, directory) if is_spark else None,
    }


def _compute(target: str | None, path: Path) -> Part:
    """The target's file says what later stood in the environment; passwords in it are not looked at."""
    if target is None or "/" in target:
        return Part(Document("", {}), {})
    file = path.parent / f"{target}.compute"
    if not file.is_file():
        return Part(Document("", {}), {})
    document = read_document(file, file.name)
    return Part(document, document.value)


def _environment(conda: str | None, compute: Part, directory: Path, path: Path) -> dict[str, Any]:
    python: dict[str, Any] = {"kind": "existing"}
    if compute.flag("userManagedEnvironment", default=False):
        interpreter = compute.text("pythonLocation")
        python["interpreter"] = None if interpreter == "python" else interpreter
    elif conda is not None:
        python = {"kind": "conda", "file": conda_file(conda, directory, path)}
    if str(compute.text("type")).lower() not in _DOCKER_TYPES:
        return python
    return {
        "kind": "docker",
        "image": compute.text("baseDockerImage") or DEFAULT_IMAGE,
        "shared_volumes": compute.flag("sharedVolumes", default=True),
        "python": python,
    }


def _spark(name: str | None, compute: Part, directory: Path) -> dict[str, Any]:
    if name is None:
        empty = Part(Document("", {}), {})
        return spark(empty, empty, compute)
    name = name.replace("\\", "/")
    document = read_document(inside(directory, name, directory, "Spark dependencies file"), name)
    part = Part(document, document.value)
    return spark(part, part, compute)
