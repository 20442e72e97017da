"""What the cluster says of a version, in words: objects as the API server gives them."""

from __future__ import annotations

from typing import Any

import pytest

from aml_backends.aks.services.states import status_of
from aml_plugins.services.contract import DeploymentState


def deployment(ready: int = 0, **status: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "readyReplicas": ready, **status}}


def pod(state: dict[str, Any], *, restarts: int = 0, last: dict[str, Any] | None = None) -> dict[str, Any]:
    container = {"state": state, "restartCount": restarts, "ready": False, "lastState": last or {}}
    return {"status": {"containerStatuses": [container]}}


def waiting(reason: str, message: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, **more: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": code, **more}}


FAILURES = [
    (pod(waiting("ImagePullBackOff", "manifest unknown: not found")), "The image cannot be pulled: manifest unknown"),
    (pod(waiting("ErrImagePull", "authorization failed: no basic auth")), "The image cannot be pulled: authorization"),
    (pod(waiting("InvalidImageName", "couldn't parse image")), "The pod cannot start: couldn't parse image."),
    (pod(waiting("CrashLoopBackOff", ""), restarts=1, last=ended(3, message="ValueError: x")), "exit code 3.*\n.*x"),
    (pod(ended(1), restarts=4), "ended with exit code 1"),
    (pod(ended(137, reason="OOMKilled")), "more memory than memory_limit"),
]


@pytest.mark.parametrize(("found", "words"), FAILURES)
def test_what_never_will_be_has_failed_and_says_why(found: dict[str, Any], words: str) -> None:
    status = status_of(deployment(), [found], 1)
    assert status.state is DeploymentState.FAILED
    import re

    assert re.search(words, str(status.reason), re.DOTALL)


def test_a_quota_is_told_in_the_clusters_words() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": 'pods "a" is forbidden: exceeded quota: small'}
    status = status_of(deployment(conditions=[condition]), [], 1)
    assert (status.state, status.reason) == (
        DeploymentState.FAILED,
        'The cluster refuses its pods: pods "a" is forbidden: exceeded quota: small.',
    )


WAITS = [
    (pod(waiting("ImagePullBackOff", "dial tcp: timeout")), "The image cannot be pulled now: dial tcp: timeout."),
    (pod(ended(1), restarts=1), "It is loading."),
    (pod({"running": {}}), "It is loading."),
    (
        {"status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: no gpu."}]}},
        "No node takes a pod: 0/1 nodes: no gpu.",
    ),
]


@pytest.mark.parametrize(("found", "words"), WAITS)
def test_what_may_pass_is_waited_for(found: dict[str, Any], words: str) -> None:
    status = status_of(deployment(), [found], 1)
    assert (status.state, status.reason) == (DeploymentState.PENDING, words)


def test_it_is_ready_when_enough_pods_are_whatever_others_do() -> None:
    sick = pod(waiting("ErrImagePull", "not found"))
    assert status_of(deployment(ready=2), [sick], 2).state is DeploymentState.READY
    assert status_of(deployment(ready=1), [sick], 2).state is DeploymentState.FAILED
    stale = {**deployment(ready=2), "metadata": {"generation": 3}}
    assert status_of(stale, [], 2).state is DeploymentState.PENDING
