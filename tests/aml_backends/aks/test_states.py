"""What a Job and its pods mean, without a cluster: above all, how soon a run counts as ended."""

from __future__ import annotations

from typing import Any

from aml_backends.aks.states import has_ended, status_of
from aml_plugins.compute import JobState


def job(nodes: int = 1, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "aml-1"}, "spec": {"completions": nodes}, "status": status}


def pod(phase: str, rank: int = 0) -> dict[str, Any]:
    ended = {"state": {"terminated": {"exitCode": 0, "finishedAt": "2026-01-01T00:00:01Z"}}}
    return {
        "metadata": {
            "annotations": {"batch.kubernetes.io/job-completion-index": str(rank)},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "status": {"phase": phase, "containerStatuses": [ended] if phase == "Succeeded" else []},
    }


def test_a_pod_that_succeeded_is_a_run_that_did() -> None:
    """The controller writes its own word a second or two later."""
    seen = status_of(job(), [pod("Succeeded")], lambda: None)
    assert (seen.state, seen.exit_code) == (JobState.SUCCEEDED, 0)
    assert seen.finished_at == 1767225601.0
    complete = job(conditions=[{"type": "Complete", "status": "True"}])
    assert status_of(complete, [pod("Succeeded")], lambda: None) == seen


def test_of_many_nodes_all_must_have_succeeded() -> None:
    assert status_of(job(2), [pod("Succeeded"), pod("Running", 1)], lambda: None).state is JobState.UNKNOWN
    counted = job(2, succeeded=2)
    assert status_of(counted, [pod("Succeeded"), pod("Succeeded", 1)], lambda: None).state is JobState.SUCCEEDED


def test_a_pod_that_failed_may_be_followed_by_another() -> None:
    assert status_of(job(), [pod("Failed")], lambda: None).state is JobState.UNKNOWN


def test_no_pod_runs_once_all_are_counted_or_the_last_word_is_said() -> None:
    assert not has_ended(job(active=1))
    assert not has_ended(job(2, succeeded=1))
    assert has_ended(job(succeeded=1))
    failed = [{"type": "Failed", "status": "True"}]
    assert has_ended(job(conditions=failed))
    assert not has_ended(job(2, conditions=failed, terminating=1))
