"""Memory that a server takes for each run that it watches.

A process of its own for each number: the whole server is loaded, its monitor drives so many runs that go on for ever.
Their target answers at once, so that what is counted is the server's. Told are the private memory of the process
(``smaps_rollup``) before and after the monitor went around, and the processor time of a round that sees no news.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 5
NUMBERS = (0, 1000, 10_000)
ENDLESS = 1e12


def measure(numbers: Sequence[int] = NUMBERS) -> dict[int, dict[str, float]]:
    """Return what each number of watched runs takes, in MiB and processor seconds."""
    return {number: _in_a_process(number) for number in numbers}


def _in_a_process(number: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="aml-memory-") as home:
        environment = {**os.environ, "AML_HOME": home, "MLFLOW_ENABLE_WORKSPACES": "true"}
        command = [sys.executable, __file__, str(number), f"aml+sqlite:///{home}/aml.db"]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _watch(number: int, store_uri: str) -> None:
    from aml_plugins.runs.reconciliation.monitor import Monitor
    from aml_plugins.server.api import create_api
    from aml_plugins.server.composition import make_server
    from aml_plugins.server.settings import ServerSettings

    server = make_server(ServerSettings(store_uri=store_uri))
    api = create_api(server)
    keys = [f"aml-{uuid.uuid4().hex}-1" for _ in range(number)]
    _fill(server.context, keys)
    monitor = Monitor(server.context)
    before = _private()
    monitor.round()
    spent = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        watched, _ = monitor.round()
        spent.append(time.process_time() - begun)
    assert watched == number, f"{watched} of {number} runs are watched"
    print(json.dumps({"before": before, "after": _private(), "round": statistics.median(spent), "api": bool(api)}))


def _fill(context, keys: Sequence[str]) -> None:
    """Write the runs down, and let a target that answers at once have their jobs."""
    from sqlalchemy import insert

    from aml_plugins.store.records import ComputeTargetRecord, RunRecord
    from aml_plugins.store.sql import tables
    from aml_plugins.store.sql.rows import row_of
    from aml_plugins.testing.fake_backend import FakeBackend, FakeJob, fake_target

    context.store.compute_targets.add(ComputeTargetRecord(workspace="default", name="many", type="fake"))
    backend = FakeBackend(fake_target(context.home, "many"), job=FakeJob(running=ENDLESS))
    context.backends.get = lambda _workspace, _target: backend
    rows = []
    for key in keys:
        handle = backend.submit(None, key)  # type: ignore[arg-type]  a fake runs no script
        config = {"script": "train.py", "arguments": ["--alpha", key], "environment_variables": {"A": "b"}}
        run = RunRecord(
            workspace="default",
            run_id=key[4:36],
            experiment_id="1",
            experiment_name="iris",
            target="many",
            target_type="fake",
            state="Running",
            script="train.py",
            config=config,
            handle=handle.to_dict(),
            created_at=time.time(),
            started_at=time.time(),
        )
        rows.append(row_of(run) | {"active": True})
    with context.store.database.writing() as connection:
        for start in range(0, len(rows), 1000):
            connection.execute(insert(tables.runs), rows[start : start + 1000])


def _private() -> float:
    """Return this process's private memory in MiB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


if __name__ == "__main__":
    _watch(int(sys.argv[1]), sys.argv[2])
