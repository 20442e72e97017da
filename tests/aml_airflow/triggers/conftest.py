"""A triggerer without a database, and runs of others."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from services.airflow_installation import Airflow
from services.triggerers import Triggerer, TriggererMaker, making_triggerers

from aml_plugins import Run, ScriptRunConfig, Workspace
from aml_plugins.store.leases import LONGEST_LEASE_SECONDS
from aml_plugins.store.records import RunRecord


@pytest.fixture(scope="session")
def triggerer_maker(airflow: Airflow) -> Iterator[TriggererMaker]:
    with making_triggerers(airflow, airflow.home / "triggerers.log") as maker:
        yield maker


@pytest.fixture
def triggerer(airflow: Airflow, triggerer_maker: TriggererMaker, aml_home: Path, tmp_path: Path) -> Iterator[Triggerer]:
    process = Triggerer(airflow, tmp_path / "triggerer.log", triggerer_maker)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def submit(tmp_path: Path, aml_home: Path):
    """Submit a script to this machine, and leave it to whoever drives it."""

    def submitted(code: str) -> Run:
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "task.py").write_text(code)
        workspace = Workspace.get()
        config = ScriptRunConfig(source, script="task.py", compute_target="local")
        run = workspace.experiment("watched").submit(config)
        workspace.driver.release()
        return run

    return submitted


class SomebodysRuns:
    """Runs that another driver has the lease of: this test, which says how they are."""

    owner = "somebody"

    def __init__(self, workspace: Workspace) -> None:
        self._runs = workspace.context.store.runs
        self._workspace = workspace.name

    def add(self) -> RunRecord:
        record = RunRecord(
            workspace=self._workspace,
            run_id=uuid.uuid4().hex,
            experiment_id="0",
            experiment_name="watched",
            target="local",
            target_type="local",
            state="Running",
            script="task.py",
            config={"script": "task.py", "target": "local"},
            created_at=time.time(),
            lease_owner=self.owner,
            lease_until=time.time() + LONGEST_LEASE_SECONDS - 10,
        )
        return self._runs.add(record)

    def end(self, record: RunRecord, **changes: Any) -> None:
        self._runs.save(replace(record, state="Completed", **changes), owner=self.owner)


@pytest.fixture
def somebodys_runs(aml_home: Path) -> SomebodysRuns:
    return SomebodysRuns(Workspace.get())
