"""A store with a run in it, and a web server that receives what webhooks send."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from services.webhook_receiver import Receiver, running_receiver

from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord, TaskEvent


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as found:
        yield found


@pytest.fixture
def event() -> TaskEvent:
    return TaskEvent(
        workspace="team-ü",
        task_id="r1",
        kind="run",
        subject="r1",
        sequence=7,
        time=1_700_000_000.25,
        old="Queued",
        new="Running",
        progress=0.5,
        message="Started.",
    )


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"aml+sqlite:///{tmp_path}/aml.db")
    yield opened
    opened.close()


@pytest.fixture
def add_run(store) -> Callable[..., RunRecord]:
    def add_run(run_id: str = "r" * 32, **fields) -> RunRecord:
        return store.runs.add(
            RunRecord(
                workspace="team",
                run_id=run_id,
                experiment_id="1",
                experiment_name="iris",
                target="local",
                target_type="local",
                state="NotStarted",
                script="train.py",
                config={},
                lease_owner="test",
                lease_until=4e9,
                **fields,
            ),
            "Submitted.",
        )

    return add_run
