"""The same operations of the store, in this process on the database and through its server, in turn."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from aml_plugins.store.interface import Store
from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord

__all__ = ["CASES", "Case", "compare", "new_run"]

REPETITIONS = 200
OWNER = new_owner()
CONFIG = {"script": "train.py", "arguments": ["--alpha", "0.5"], "environment": {"kind": "existing"}, "tags": {}}


@dataclass(frozen=True)
class Case:
    """``prepare`` makes what ``act`` needs, once a repetition and outside of the measure."""

    name: str
    prepare: Callable[[Store], Any]
    act: Callable[[Store, Any], Any]


def new_run(**changes: Any) -> RunRecord:
    values = {
        "workspace": "default",
        "run_id": uuid.uuid4().hex,
        "experiment_id": "1",
        "experiment_name": "iris",
        "target": "box",
        "target_type": "local",
        "state": "NotStarted",
        "script": "train.py",
        "config": CONFIG,
        "lease_owner": OWNER,
    }
    return RunRecord(**(values | changes))


def compare(case: Case, server: Any) -> tuple[list[float], list[float]]:
    """Return the seconds of each repetition: SQL, REST."""
    stores = [open_store(server.store_uri), open_store(server.url)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(REPETITIONS + 10):
        for store, taken in zip(stores, seconds, strict=True):
            needed = case.prepare(store)
            begun = time.perf_counter()
            case.act(store, needed)
            if number >= 10:  # the first ones open connections and compile statements
                taken.append(time.perf_counter() - begun)
    return seconds


def _one(store: Store) -> RunRecord:
    return store.runs.add(new_run())


CASES = [
    Case("add a run", lambda _: new_run(), lambda store, run: store.runs.add(run, message="Submitted.")),
    Case(
        "write a run as its driver",
        _one,
        lambda store, run: store.runs.save(replace(run, cursors={"log": 1}), owner=OWNER, message="On."),
    ),
    Case("read a run", _one, lambda store, run: store.runs.get("default", run.run_id)),
    Case("take a lease", _one, lambda store, run: store.runs.acquire([run.run_id], OWNER, 60)),
    Case("ask for cancellations", _one, lambda store, run: store.runs.cancellations([run.run_id])),
    Case("list 20 runs", lambda _: None, lambda store, _: store.runs.list("default", limit=20)),
    Case("list 1,000 runs", lambda _: None, lambda store, _: store.runs.list("default", limit=1000)),
    Case("a task's events", _one, lambda store, run: store.tasks.events("default", run.run_id)),
]
