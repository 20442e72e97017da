"""From what Kubernetes says of a version's Deployment and pods to the words of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aml_plugins.services.contract import DeploymentState, DeploymentStatus

__all__ = ["rolled_out", "status_of", "trouble_of"]

_BOOT_FAILED = 3
"""The scoring server's exit code where the script cannot be loaded or initialized: trying again does not help."""
_RESTARTS = 4
"""So often a container may end before its version counts as failed."""
_NEVER = ("InvalidImageName", "ErrImageNeverPull", "CreateContainerConfigError")
_NO_IMAGE = ("not found", "unauthorized", "forbidden", "denied", "not exist", "authorization failed")


def status_of(deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], fewest: int) -> DeploymentStatus:
    """Return how a version is.

    :param fewest: how many pods must answer.
    """
    status: Mapping[str, Any] = deployment.get("status") or {}
    seen = int(status.get("observedGeneration") or 0) >= int(deployment["metadata"].get("generation") or 0)
    if seen and int(status.get("readyReplicas") or 0) >= fewest:
        return DeploymentStatus(state=DeploymentState.READY)
    for pod in pods:
        words = trouble_of(pod)
        if words:
            return DeploymentStatus(state=DeploymentState.FAILED, reason=words)
    refused = _condition(status, "ReplicaFailure")
    if refused:
        words = f"The cluster refuses its pods: {refused.rstrip('.')}."
        return DeploymentStatus(state=DeploymentState.FAILED, reason=words)
    waits = next((words for pod in pods for words in _waits(pod)), "It is loading.")
    return DeploymentStatus(state=DeploymentState.PENDING, reason=waits)


def trouble_of(pod: Mapping[str, Any]) -> str | None:
    """Return why a pod never will be ready, None while it may."""
    for container in _containers(pod):
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        message = str(waiting.get("message") or "")
        if waiting.get("reason") in _NEVER:
            return f"The pod cannot start: {message[:300].rstrip('.')}."
        if _is_pull(waiting) and any(word in message.lower() for word in _NO_IMAGE):
            return f"The image cannot be pulled: {message[:400].rstrip('.')}."
        ended = state.get("terminated") or (container.get("lastState") or {}).get("terminated")
        if ended and not container.get("ready"):
            words = _ended(ended, int(container.get("restartCount") or 0))
            if words:
                return words
    return None


def rolled_out(deployment: Mapping[str, Any]) -> bool:
    """Say whether all pods are there, ready, and of the newest template, and none of an older one."""
    status, wanted = deployment.get("status") or {}, int(deployment["spec"].get("replicas") or 0)
    counts = {int(status.get(name) or 0) for name in ("replicas", "updatedReplicas", "readyReplicas")}
    return status.get("observedGeneration", 0) >= deployment["metadata"]["generation"] and counts == {wanted}


def _ended(ended: Mapping[str, Any], restarts: int) -> str | None:
    if ended.get("reason") == "OOMKilled":
        return "Its container used more memory than memory_limit allows, and was killed."
    code = ended.get("exitCode")
    if code != _BOOT_FAILED and restarts < _RESTARTS:
        return None
    tail = str(ended.get("message") or "").strip()[-1500:]
    return f"Its container ended with exit code {code}." + (f" Its last lines:\n{tail}" if tail else "")


def _waits(pod: Mapping[str, Any]) -> Iterator[str]:
    for condition in pod["status"].get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"No node takes a pod: {str(condition.get('message') or '').rstrip('.')}."
    for container in _containers(pod):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if _is_pull(waiting) and waiting.get("message"):
            yield f"The image cannot be pulled now: {str(waiting['message'])[:400].rstrip('.')}."


def _is_pull(waiting: Mapping[str, Any]) -> bool:
    return waiting.get("reason") in {"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable"}


def _condition(status: Mapping[str, Any], kind: str) -> str | None:
    for condition in status.get("conditions") or ():
        if condition.get("type") == kind and condition.get("status") == "True":
            return str(condition.get("message") or kind)
    return None


def _containers(pod: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return pod["status"].get("containerStatuses") or ()
