"""The trigger that waits for a run, in a real trigger runner."""

from __future__ import annotations

import time

import pytest
from services.airflow_versions import since_airflow

from aml_plugins import Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]

TRIGGER = "aml_airflow.triggers.run.AmlRunTrigger"
MANY = 500
PATIENCE_SECONDS = 300
told_of_kills = since_airflow("3.3", "a trigger is told that a user acts on its task")


def test_it_drives_a_run_to_its_end_and_shows_its_output(triggerer, submit):
    run = submit("print('grüße'); print('no end', end='')")
    triggerer.tell(start=[1, TRIGGER, {"run_id": run.id, "poll_interval": 0.5}])

    event, end = triggerer.hear(), triggerer.hear()

    shown = event["event"].pop("log_bytes")
    assert event == {"event": {"run_id": run.id, "state": "Completed"}, "id": 1}
    assert (end["cancelled"], end["error"]) == (False, None)
    assert shown in (0, len("grüße\n".encode()))  # a line without an end comes with the rest
    assert triggerer.log.read_text().count("grüße") == (1 if shown else 0)


@told_of_kills
def test_a_user_who_acts_on_the_task_cancels_the_run(triggerer, submit):
    run = submit("import time; time.sleep(600)")
    triggerer.tell(start=[1, TRIGGER, {"run_id": run.id, "poll_interval": 0.5}])
    wait_for_look(triggerer, 1)
    triggerer.tell(kill=1)

    (end,) = triggerer.hear_until("ended")

    assert end["cancelled"]
    assert run.wait_for_completion(raise_on_error=False, timeout=PATIENCE_SECONDS).status == "Canceled"


@told_of_kills
def test_the_triggerer_itself_sees_the_cancellation_through(triggerer, submit):
    run = submit("import time; time.sleep(600)")
    triggerer.tell(start=[1, TRIGGER, {"run_id": run.id, "poll_interval": 0.5}])
    wait_for_look(triggerer, 1)
    triggerer.tell(kill=1)
    triggerer.hear_until("ended")
    triggerer.tell(start=[2, TRIGGER, {"run_id": run.id, "poll_interval": 0.5}])  # only looks on

    assert triggerer.hear_until("ended")[0]["event"]["state"] == "Canceled"


def test_a_triggerer_that_stops_cancels_nothing_and_lets_go(triggerer, submit):
    run = submit("import time; time.sleep(600)")
    triggerer.tell(start=[1, TRIGGER, {"run_id": run.id, "poll_interval": 0.5}])
    wait_for_look(triggerer, 1)
    triggerer.tell(stop=True)
    assert triggerer.hear_until("ended")[-1]["cancelled"]

    assert Workspace.get().get_run(run.id).record.cancel_requested_at is None
    run.cancel()  # this process can drive it at once
    assert run.wait_for_completion(raise_on_error=False, timeout=PATIENCE_SECONDS).status == "Canceled"


@told_of_kills
def test_a_waiting_task_cancels_nothing(triggerer, somebodys_runs):
    record = somebodys_runs.add()
    arguments = {"run_id": record.run_id, "cancel_on_kill": False, "log_bytes": None}
    triggerer.tell(start=[1, TRIGGER, arguments])
    wait_for_look(triggerer, 1)
    triggerer.tell(kill=1)
    triggerer.hear_until("ended")

    assert Workspace.get().get_run(record.run_id).record.cancel_requested_at is None


def test_a_run_that_is_not_there_is_told(triggerer, aml_home):
    triggerer.tell(start=[1, TRIGGER, {"run_id": "0" * 32}])

    assert triggerer.hear()["event"]["state"] == "Missing"


def test_hundreds_of_deferred_runs_are_one_question(triggerer, somebodys_runs):
    records = [somebodys_runs.add() for _ in range(MANY)]
    for number, record in enumerate(records):
        triggerer.tell(start=[number, TRIGGER, {"run_id": record.run_id, "poll_interval": 1.0}])
    wait_for_look(triggerer, MANY)
    for record in records:
        somebodys_runs.end(record)

    heard = [triggerer.hear() for _ in range(2 * MANY)]

    events = {answer["event"]["run_id"] for answer in heard if "event" in answer}
    assert events == {record.run_id for record in records}
    assert len(looks_of(triggerer)) < MANY / 2


def looks_of(triggerer) -> list[list]:
    """For each look: the kind, and how many were asked for."""
    triggerer.tell(looks=True)
    return triggerer.hear_until("looks")[-1]["looks"]


def wait_for_look(triggerer, count: int) -> None:
    """Wait until a look asked for so many runs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while ["run", count] not in looks_of(triggerer):
        assert time.monotonic() < deadline, triggerer.log.read_text()[-4000:]
        time.sleep(0.2)
