"""The log of a run: what its first node's newest pod prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_backends.aks.log import look_back, take_new
from aml_backends.aks.plan import LABEL
from aml_backends.aks.states import start_of
from aml_plugins.compute import LogChunk

if TYPE_CHECKING:
    from aml_backends.aks.cluster import Cluster

__all__ = ["log_since", "printing_pod", "whole_log"]

_INDEX = "batch.kubernetes.io/job-completion-index"
_PRINTING = frozenset({"Running", "Succeeded", "Failed"})


def log_since(cluster: Cluster, key: str, cursor: str) -> LogChunk | None:
    """Return output since ``cursor``, line by line; None where there is no pod that could have printed any.

    :param cursor: ``START/PLACE``: a pod that replaces a lost one has a log of its own.
    """
    pod = printing_pod(cluster, key)
    if pod is None:
        return None
    start = start_of(pod)
    known, _, place = cursor.partition("/")
    place = place if known == str(start) else ""
    chunk = take_new(cluster.log(pod["metadata"]["name"], look_back(place)), place)
    return LogChunk(chunk.data, f"{start}/{chunk.cursor}", start)


def whole_log(cluster: Cluster, key: str) -> bytes:
    """Return the output from its beginning."""
    collected, last = b"", LogChunk(b"", "")
    while (chunk := log_since(cluster, key, last.cursor)) and chunk.data:
        collected = chunk.data if chunk.generation != last.generation else collected + chunk.data
        last = chunk
    return collected


def printing_pod(cluster: Cluster, key: str) -> Mapping[str, Any] | None:
    """Return the pod whose output is the run's log, None where none has begun."""
    pods = [
        pod
        for pod in cluster.list("pod", f"{LABEL}={key}")
        if (pod["metadata"].get("annotations") or {}).get(_INDEX, "0") == "0"
        and pod["status"].get("phase") in _PRINTING
    ]
    return max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
