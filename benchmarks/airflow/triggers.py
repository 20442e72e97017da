"""A triggerer with many deferred runs: its processor time and memory, and how often it asks the server."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Any

from services.airflow_installation import Airflow
from services.aml_server import AmlServer
from services.triggerers import Triggerer

from aml_plugins import Workspace
from aml_plugins.store.leases import LONGEST_LEASE_SECONDS
from aml_plugins.store.records import RunRecord

HERE = Path(__file__).parent
SOMEBODY = "somebody"
POLL_SECONDS = 30.0
MEASURED_SECONDS = 90.0
WARM_UP_SECONDS = 40.0


def measure_triggers(airflow: Airflow, server: AmlServer, scratch: Path, count: int) -> None:
    """Print a line for each way to watch ``count`` runs that somebody else drives."""
    workspace = Workspace.connect(server.store_uri)
    ids = [_add(workspace) for _ in range(count)]
    base = f"{server.url}/api/2.0/aml/workspaces/default/runs"
    pattern = {"poll_interval": POLL_SECONDS}
    ways: dict[str, Any] = {
        "nothing": [],
        "one question for all (ours)": [
            ("aml_airflow.triggers.run.AmlRunTrigger", {"run_id": one, "store": server.url, **pattern}) for one in ids
        ],
        "a loop each, as Livy's": [("one_loop_each.LivyPattern", {"url": f"{base}/{one}", **pattern}) for one in ids],
        "a loop each, as Azure Batch's": [
            ("one_loop_each.BatchPattern", {"url": f"{base}/{one}", **pattern}) for one in ids
        ],
    }
    print(f"\n{count} deferred runs, looked at every {POLL_SECONDS:.0f} s, over {MEASURED_SECONDS:.0f} s:")
    print(f"  {'':32} processor s  memory MB  requests")
    for name, triggers in ways.items():
        workspace.context.store.runs.acquire(ids, SOMEBODY, LONGEST_LEASE_SECONDS - 10)
        cpu, memory, requests = _measure(airflow, server, scratch / f"{len(name)}.log", triggers)
        print(f"  {name:32} {cpu:11.2f} {memory:10.0f} {requests:9d}", flush=True)
    workspace.close()


def _measure(airflow: Airflow, server: AmlServer, log: Path, triggers: Any) -> tuple[float, float, int]:
    os.environ["PYTHONPATH"] = str(HERE)
    triggerer = Triggerer(airflow, log)
    triggerer.start()
    try:
        for number, (kind, arguments) in enumerate(triggers):
            triggerer.tell(start=[number, kind, arguments])
        time.sleep(WARM_UP_SECONDS)
        before, asked = _used(triggerer), _requests(server)
        time.sleep(MEASURED_SECONDS)
        after, answered = _used(triggerer), _requests(server)
        return after["cpu_seconds"] - before["cpu_seconds"], after["memory_kb"] / 1024, answered - asked
    finally:
        triggerer.stop()
        del os.environ["PYTHONPATH"]


def _used(triggerer: Triggerer) -> dict[str, Any]:
    triggerer.tell(looks=True)
    return triggerer.hear_until("looks")[-1]


def _requests(server: AmlServer) -> int:
    """Count what the server's log says that it answered."""
    return server.log.read_text().count("HTTP/1.1")


def _add(workspace: Workspace) -> str:
    record = RunRecord(
        workspace=workspace.name,
        run_id=uuid.uuid4().hex,
        experiment_id="0",
        experiment_name="watched",
        target="local",
        target_type="local",
        state="Running",
        script="task.py",
        config={"script": "task.py", "target": "local", "arguments": ["--alpha", "0.1"]},
        created_at=time.time(),
        lease_owner=SOMEBODY,
        lease_until=time.time() + LONGEST_LEASE_SECONDS - 10,
    )
    return workspace.context.store.runs.add(record).run_id
