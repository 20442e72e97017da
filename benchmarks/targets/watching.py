"""A round over many runs on Azure Batch: requests, processor time, memory; against one Airflow trigger a run.

Whoever watches is a process of its own: what it uses is not the emulator's. The runs are real tasks of the emulator,
which wait for a node, and rows of a store; ours is the monitor's whole round. A trigger a run is what Airflow's Batch
provider has: a loop each, which asks the same SDK for its own task in a thread.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROUNDS = 3
NUMBERS = (1000, 10_000)
REQUESTS = 10_000
"""Requests after which one round more would say nothing new."""
POOL = "nobody"
_ACCOUNT, _KEY, _URL, _JOB = "BENCHMARK_ACCOUNT", "BATCH_KEY", "BENCHMARK_URL", "BENCHMARK_JOB"


def measure_watching() -> None:
    """Print what each way takes for each number of runs; figures are medians of three rounds, or of one large one."""
    print("\na round over runs on Azure Batch: requests, processor seconds, MB more than with one", flush=True)
    least = {way: _in_a_process(way, 1)[2] for way in ("monitor", "triggers")}  # with the SDK loaded
    for number in NUMBERS:
        for way in ("monitor", "triggers"):
            calls, spent, memory = _in_a_process(way, number)
            name = "the monitor of AML Plugins" if way == "monitor" else "one trigger a run, as Airflow's"
            print(f"  {number:>6}  {name:<32} {calls:8.0f} {spent:9.3f} s {memory - least[way]:8.1f} MB", flush=True)


def _in_a_process(way: str, number: int) -> tuple[float, float, float]:
    with _tasks(number) as (azure, variables), tempfile.TemporaryDirectory(prefix="aml-benchmark-") as home:
        environment = {**os.environ, **variables, "AML_HOME": home, "MLFLOW_ENABLE_WORKSPACES": "true"}
        command = [sys.executable, __file__, way, str(number)]
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert process.stdin is not None
        assert process.stdout is not None
        found: list[tuple[float, float, float]] = []
        with process:
            assert process.stdout.readline() == "ready\n", "the watcher did not get ready"
            while len(found) < ROUNDS and sum(calls for calls, _, _ in found) < REQUESTS:
                before = len(azure.calls)
                process.stdin.write("go\n")
                said = json.loads(process.stdout.readline())
                found.append((float(len(azure.calls) - before), said["seconds"], said["memory"]))
            process.stdin.close()
        calls, spent, memory = (statistics.median(column) for column in zip(*found, strict=True))
        return calls, spent, memory


@contextmanager
def _tasks(number: int) -> Iterator[tuple[Any, dict[str, str]]]:
    """So many tasks of one job, on a pool without nodes."""
    from services.azure import add_pool, batch_client

    from aml_plugins.testing.azure_emulator import AzureEmulator

    with AzureEmulator() as azure, batch_client(azure) as client:
        add_pool(azure, POOL, nodes=0)
        job = "aml-benchmark"
        client.create_job({"id": job, "poolInfo": {"poolId": POOL}})
        for first in range(0, number, 1000):
            names = [_key(one) for one in range(first, min(first + 1000, number))]
            client.create_tasks(job, [{"id": name, "commandLine": "true"} for name in names])
        settings = azure.settings
        yield azure, {_ACCOUNT: settings.account, _KEY: settings.key, _URL: azure.batch_url, _JOB: job}


def _key(number: int) -> str:
    return f"aml-{number:032x}-1"


def _watch(way: str, number: int) -> None:
    """Make a round whenever the parent says so, and tell what it took."""
    round_of = _monitor(number) if way == "monitor" else _triggers(number)
    next(round_of)
    print("ready", flush=True)
    for _ in sys.stdin:
        begun = time.process_time()
        next(round_of)
        spent = time.process_time() - begun
        print(json.dumps({"seconds": spent, "memory": _private()}), flush=True)


def _monitor(number: int) -> Iterator[None]:
    from aml_plugins import Workspace
    from aml_plugins.runs.reconciliation.monitor import Monitor

    workspace = Workspace.get("default")
    workspace.attach_compute(
        "azure-batch",
        "cloud",
        account_url=os.environ[_URL],
        account_name=os.environ[_ACCOUNT],
        account_key=f"secret://env/{_KEY}",
        pool=POOL,
    )
    _write_down(workspace.context, number)
    monitor = Monitor(workspace.context)
    while True:
        watched, _ = monitor.round()
        assert watched == number, f"{watched} of {number} runs are watched"
        yield


def _write_down(context: Any, number: int) -> None:
    from sqlalchemy import insert

    from aml_plugins.compute import JobHandle
    from aml_plugins.store.records import RunRecord
    from aml_plugins.store.sql import tables
    from aml_plugins.store.sql.rows import row_of

    rows = []
    for one in range(number):
        run = RunRecord(
            workspace="default",
            run_id=_key(one)[4:36],
            experiment_id="1",
            experiment_name="iris",
            target="cloud",
            target_type="azure-batch",
            state="Queued",
            script="train.py",
            config={"script": "train.py", "arguments": ["--alpha", "0.1"]},
            handle=JobHandle("azure-batch", "cloud", _key(one), {"job": os.environ[_JOB]}).to_dict(),
            created_at=time.time(),
        )
        rows.append(row_of(run) | {"active": True})
    with context.store.database.writing() as connection:
        for start in range(0, number, 1000):
            connection.execute(insert(tables.runs), rows[start : start + 1000])


def _triggers(number: int) -> Iterator[None]:
    """All loops of a triggerer go round once; between two rounds they sleep."""
    from azure.batch import BatchClient
    from azure.core.credentials import AzureNamedKeyCredential

    client = BatchClient(os.environ[_URL], AzureNamedKeyCredential(os.environ[_ACCOUNT], os.environ[_KEY]))
    loop = asyncio.new_event_loop()
    gates: list[asyncio.Event] = [asyncio.Event() for _ in range(number)]
    looked: asyncio.Queue[None] = asyncio.Queue()

    async def trigger(key: str, gate: asyncio.Event) -> None:
        while True:
            await gate.wait()  # in place of a sleep
            gate.clear()
            task = await asyncio.to_thread(client.get_task, os.environ[_JOB], key)
            assert task.state is not None
            looked.put_nowait(None)

    async def look(those: list[asyncio.Event]) -> None:
        for gate in those:
            gate.set()
        for _ in those:
            await looked.get()

    tasks = [loop.create_task(trigger(_key(one), gate)) for one, gate in enumerate(gates)]
    loop.run_until_complete(look(gates[:1]))  # with it, what a first request costs
    while True:
        yield
        assert len(tasks) == number
        loop.run_until_complete(look(gates))


def _private() -> float:
    """Return this process's private memory in MB."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1000


if __name__ == "__main__":
    _watch(sys.argv[1], int(sys.argv[2]))
    os._exit(0)  # loops that never end need no farewell
