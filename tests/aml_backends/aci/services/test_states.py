"""What a version's container group says, in words of the contract: groups as Azure gives them."""

from __future__ import annotations

from typing import Any

import pytest

from aml_backends.aci.services.states import has_last_words, is_running, status_of
from aml_plugins.services.contract import DeploymentState

ENDED = {"state": "Terminated", "exitCode": 3}
WAITING = {"state": "Waiting", "detailStatus": "CrashLoopBackOff"}
RUNNING = {"state": "Running", "detailStatus": ""}


def group(current: dict[str, Any], restarts: int = 0, *, state: str = "Running") -> dict[str, Any]:
    """Return a group whose container ended with exit code 3 as often as it was started again."""
    view = {"restartCount": restarts, "currentState": current, **({"previousState": ENDED} if restarts else {})}
    containers = [{"properties": {"instanceView": view}}]
    return {"properties": {"containers": containers, "instanceView": {"state": state}, "ipAddress": {"ip": "10.0.0.4"}}}


@pytest.mark.parametrize("found", [group(ENDED), group(WAITING, 1), group(RUNNING, 1)])
def test_a_script_that_cannot_be_loaded_has_failed(found):
    status = status_of(found)
    assert (status.state, status.reason) == (DeploymentState.FAILED, "Its container ended with exit code 3.")


@pytest.mark.parametrize(
    ("before", "after", "is_whole"),
    [
        (group(ENDED), group(ENDED), True),
        (group(ENDED), group(WAITING), True),
        (group(WAITING, 1), group(WAITING, 1), True),
        (group(WAITING, 1), group(RUNNING, 1), False),
        (group(RUNNING, 1), group(RUNNING, 1), False),
        (group(RUNNING, 1), group(ENDED, 1), False),
        (group(WAITING, 1), group(WAITING, 2), False),
    ],
)
def test_a_log_has_the_last_words_only_where_nothing_was_started_beside_it(before, after, is_whole):
    assert has_last_words(before, after) is is_whole


def test_a_group_that_is_over_runs_nothing():
    assert is_running(group(RUNNING))
    assert not is_running(group(RUNNING, state="Stopped"))
