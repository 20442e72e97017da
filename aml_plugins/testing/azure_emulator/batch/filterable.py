"""What lists can be filtered by. Source: Microsoft's page "OData filters in Azure Batch"."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["refusal"]

_EQUAL, _ALIKE = ("eq",), ("eq", "ne")
_ORDERED = ("eq", "ne", "ge", "gt", "le", "lt")
_TEXT = ("startswith", *_ORDERED)
_TIMES = dict.fromkeys(("stateTransitionTime", "creationTime", "lastModified"), _ORDERED)
_RUN = {
    "state": _EQUAL, "startTime": _ORDERED, "endTime": _ORDERED, "exitCode": _ORDERED, "result": _ALIKE,
}  # fmt: skip
_JOBS = {
    "id": _TEXT,
    "state": _ALIKE,
    **_TIMES,
    "executionInfo/startTime": _ORDERED,
    "executionInfo/endTime": _ORDERED,
    "executionInfo/poolId": _TEXT,
}
_FILES = {"name": ("startswith",)}
_KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "supportedimages": {"osType": _ALIKE, "verificationType": _ALIKE, "nodeAgentSKUId": _ALIKE},
    "nodes": {
        "state": _ALIKE,
        "stateTransitionTime": _ORDERED,
        "lastBootTime": _ORDERED,
        "allocationTime": _ORDERED,
        **{f"startTaskInfo/{name}": signs for name, signs in _RUN.items()},
    },
    "poolnodecounts": {"poolId": _EQUAL},
    "files": _FILES,
    "jobschedules": {
        "id": _TEXT,
        "state": _ALIKE,
        **_TIMES,
        "executionInfo/endTime": _ORDERED,
        "schedule/doNotRunUntil": _ORDERED,
        "schedule/doNotRunAfter": _ORDERED,
    },
    "jobs": _JOBS,
    "pools": {
        "id": _TEXT,
        "state": _ALIKE,
        **_TIMES,
        "allocationState": _ALIKE,
        "allocationStateTransitionTime": _ORDERED,
        "enableAutoScale": _ALIKE,
        "vmSize": _ALIKE,
        "enableInterNodeCommunication": _ALIKE,
    },
    "jobpreparationandreleasetaskstatuslist": {
        "poolId": _ALIKE,
        "nodeId": _ALIKE,
        **{
            f"job{task}TaskExecutionInfo/{name}": signs
            for task in ("Preparation", "Release")
            for name, signs in _RUN.items()
        },
    },
    "tasks": {
        "id": _TEXT,
        "state": _ALIKE,
        **_TIMES,
        **{f"executionInfo/{name}": signs for name, signs in _RUN.items() if name != "state"},
    },
    "poolusagemetrics": {"poolId": _TEXT},
}


def refusal(kind: str, path: str, sign: str) -> str | None:
    """Say why a list cannot be filtered like that, None where it can; a list that is not known here takes all.

    :param kind: the list, as its metadata name it.
    :param sign: the comparison, or the function.
    """
    known = _KNOWN.get(kind)
    if known is None or sign in known.get(path, ()):
        return None
    if path not in known:
        return f"The property '{path}' cannot be used in a filter of this list"
    return f"The property '{path}' cannot be compared by '{sign}'"
