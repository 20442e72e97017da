"""What a user should know about an Azure ML v1 file: which keys have no effect, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from aml_plugins.json_types import JsonValue
from aml_plugins.runs.configuration.azure_ml.keys import DEFAULTS, WORKBENCH
from aml_plugins.runs.configuration.azure_ml.part import SECRETIVE
from aml_plugins.suggestions import did_you_mean

__all__ = ["notes"]

_NO_DOCKER: Final = "is kept, not used: the file does not enable Docker."
_NO_SPARK: Final = "is kept, not used: the framework is not PySpark."
_ONE_PROCESS: Final = "is kept; the script is started once on each node, without a launcher."
_REASONS: Final[Mapping[str, str]] = {
    "environment.docker.baseImage": _NO_DOCKER,
    "environment.docker.baseDockerfile": _NO_DOCKER,
    "environment.docker.shmSize": _NO_DOCKER,
    "environment.docker.arguments": _NO_DOCKER,
    "environment.docker.sharedVolumes": _NO_DOCKER,
    "environment.docker.gpuSupport": "is kept, not used: GPUs are asked for with 'resources.gpu'.",
    "environment.spark.packages": _NO_SPARK,
    "environment.spark.repositories": _NO_SPARK,
    "environment.version": "is kept; see 'environment.name'.",
    "history.snapshotProject": "is kept, not used: a snapshot is always taken.",
    "history.outputCollection": "is kept, not used: outputs are always collected.",
    "history.directoriesToWatch": "is kept, not used: 'logs' and 'outputs' are collected.",
    "hdi.yarnDeployMode": _NO_SPARK,
    "spark.configuration": _NO_SPARK,
    "communicator": _ONE_PROCESS,
    "framework": _ONE_PROCESS,
    "mpi.processCountPerNode": _ONE_PROCESS,
    "pytorch.processCount": _ONE_PROCESS,
    "tensorflow.workerCount": _ONE_PROCESS,
    "tensorflow.parameterServerCount": _ONE_PROCESS,
}
_USER_NAMES: Final = ("data", "outputData", "dataReferences")
_NAMED: Final = frozenset((name,) for name in _USER_NAMES)


def notes(unknown: Mapping[str, JsonValue]) -> list[str]:
    """Return one line for each key in ``unknown``."""
    return [_note(path, value) for path, value in _leaves(unknown, DEFAULTS, ())]


def _leaves(
    value: Mapping[str, JsonValue], known: Mapping[str, JsonValue], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], JsonValue]]:
    for key, item in value.items():
        below = known.get(key)
        if (
            isinstance(item, Mapping)
            and (isinstance(below, Mapping) or (*path, key) in _NAMED)
            and key != "configuration"
        ):
            yield from _leaves(item, below if isinstance(below, Mapping) else {}, (*path, key))
        else:
            yield (*path, key), item


def _note(path: tuple[str, ...], value: JsonValue) -> str:
    name = ".".join(path)
    if name == "environment.name":
        return (
            f"The environment '{value}' is in an Azure ML workspace, not in the file; the target's own Python is used."
        )
    if path[-1].lower() in SECRETIVE:
        return f"'{name}' was left out: a run configuration holds no secrets. Refer to one as secret://STORE/NAME."
    if reason := _REASONS.get(name):
        return f"'{name}' {reason}"
    if path[0] in _USER_NAMES:
        return f"'{name}' is kept, not used: {_why_no_data(name, value)}"
    known = _section(path)
    if path[-1] in known or (len(path) == 1 and path[0][:1].lower() + path[0][1:] in WORKBENCH):
        return f"'{name}' is kept; nothing here uses it."
    return f"'{name}' is no key of Azure ML; it is kept, not used.{did_you_mean(path[-1], list(known))}"


def _why_no_data(name: str, value: JsonValue) -> str:
    location = value.get("dataLocation") if isinstance(value, Mapping) else None
    if not isinstance(location, Mapping) or not location.get("dataset"):
        return "it names no path of a datastore."
    return (
        "its dataset is registered in Azure ML, not in the file. Give its files as"
        f" '{name}.dataLocation.dataPath' with datastoreName and relativePath."
    )


def _section(path: tuple[str, ...]) -> Mapping[str, JsonValue]:
    known: Mapping[str, JsonValue] = DEFAULTS
    for part in path[:-1]:
        below = known.get(part)
        known = below if isinstance(below, Mapping) else {}
    return known
