"""What the task of a creation says, whoever tells it when."""

from __future__ import annotations

import uuid

import pytest

from aml_plugins import Workspace
from aml_plugins.provisioning.telling import task_id, tell
from aml_plugins.store.records import ProvisioningRecord


@pytest.fixture(params=["database", "server"])
def context(request):
    if request.param == "database":
        request.getfixturevalue("aml_home")
        return Workspace.create("team-a").context
    server = request.getfixturevalue("aml_server")
    server.empty()
    return Workspace.connect(server.url, "team-a").context


@pytest.fixture
def record():
    desired = {"request": 1, "absent": False}
    return ProvisioningRecord(
        workspace="team-a", name="cpu", operation_id=uuid.uuid4().hex, type="azure-batch", desired=desired
    )


@pytest.fixture
def after(context, record):
    """Tell states one after the other; return state and progress after each."""

    def told(*states):
        seen = []
        for state in states:
            tell(context, record, state, f"It is {state} now.")
            task = context.store.tasks.get("team-a", task_id(record))
            seen.append((task.state, task.progress))
        return seen

    return told


def test_each_state_is_a_step(after):
    assert after("Queued", "Running", "Completed") == [("Queued", 0.0), ("Running", 0.5), ("Completed", 1.0)]


@pytest.mark.parametrize("end", ["Failed", "Canceled"])
def test_an_end_keeps_what_was_reached(after, end):
    assert after("Queued", end)[-1] == (end, 0.0)
    assert after("Running", end)[-1] == (end, 0.5)


def test_where_nothing_was_told_before_an_end_nobody_knows(after):
    assert after("Failed") == [("Failed", None)]


def test_who_asked_may_be_slower_than_who_drives(after):
    assert after("Running", "Queued") == [("Running", 0.5), ("Running", 0.5)]
    assert after("Completed", "Queued") == [("Completed", 1.0), ("Completed", 1.0)]


def test_what_begins_again_after_its_end_begins_anew(after):
    assert after("Completed", "Running") == [("Completed", 1.0), ("Running", 0.5)]


def test_a_deletion_begins_anew(context, record, after):
    after("Completed")
    tell(context, record, "Queued", "Delete 'cpu'.", request=2)
    deletion = context.store.tasks.get("team-a", task_id(record, 2))
    assert (deletion.state, deletion.progress) == ("Queued", 0.0)
