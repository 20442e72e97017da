"""Data references, inputs and outputs of an Azure ML v1 run configuration."""

from __future__ import annotations

from typing import Any

from aml_plugins.runs.configuration.azure_ml.part import Part

__all__ = ["data"]

_MODES = ("mount", "download", "upload")


def data(top: Part) -> dict[str, Any]:
    """Return our data section. What names a registered dataset stays behind: it is not in the file."""
    found = {name: _reference(part) for name, part in top.parts("dataReferences")}
    for name, part in top.parts("data"):
        if value := _input(part):
            found[name] = value
    for name, part in top.parts("outputData"):
        if value := _output(part):
            found[name] = value
    return found


def _reference(part: Part) -> dict[str, Any]:
    mode = (part.text("mode") or "mount").lower()
    if mode not in _MODES:
        raise part.wrong("mode", "must be mount, download or upload")
    store = part.text("dataStoreName")
    if store is None:
        raise part.wrong("dataStoreName", "is missing")
    return {
        "datastore": store,
        "path": part.text("pathOnDataStore", ""),
        "mode": mode,
        "overwrite": part.flag("overwrite", default=False),
        "path_on_compute": part.text("pathOnCompute"),
    }


def _location(part: Part, key: str) -> dict[str, Any]:
    path = part.part(key).part("dataPath")
    if "datastoreName" not in path:
        return {}
    return {"datastore": path.text("datastoreName"), "path": path.text("relativePath", "")}


def _input(part: Part) -> dict[str, Any]:
    found = _location(part, "dataLocation")
    if not found:
        return {}
    part.take("createOutputDirectories")
    mode = (part.text("mechanism") or "").lower()
    return found | {
        "mode": mode if mode in _MODES else "download",
        "overwrite": part.flag("overwrite", default=False),
        "path_on_compute": part.text("pathOnCompute"),
        "environment_variable": part.text("environmentVariableName"),
    }


def _output(part: Part) -> dict[str, Any]:
    found = _location(part, "outputLocation")
    if not found:
        return {}
    part.take("mechanism")  # mount or upload: with us an output is uploaded when the script has ended
    options = part.part("additionalOptions")
    return found | {
        "mode": "upload",
        "overwrite": options.part("uploadOptions").flag("overwrite", default=False),
        "path_on_compute": options.text("pathOnCompute"),
    }
