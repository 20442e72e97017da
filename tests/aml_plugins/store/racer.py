"""A process of its own that does one thing to a store when told to: ``racer.py VERB URI ARGUMENT...``."""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid
from dataclasses import replace

from sqlalchemy import Engine, event

from aml_plugins.store.leases import new_owner
from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord


def _go() -> None:
    """Say that all is prepared and wait for the others."""
    print("ready", flush=True)
    sys.stdin.readline()


def _run(**changes) -> RunRecord:
    values = {
        "workspace": "team-a",
        "run_id": uuid.uuid4().hex,
        "experiment_id": "1",
        "experiment_name": "iris",
        "target": "box",
        "target_type": "local",
        "state": "NotStarted",
        "script": "train.py",
        "config": {},
    }
    return RunRecord(**(values | changes))


def open_it(uri: str) -> None:
    _go()
    open_store(uri).close()
    print("opened")


def open_and_die(uri: str, statements: str) -> None:
    """Be killed after so many of the migration's statements."""
    left = int(statements)

    @event.listens_for(Engine, "after_cursor_execute")
    def count(_connection, _cursor, statement, *_rest) -> None:
        nonlocal left
        left -= statement.lstrip().startswith("CREATE")
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    open_store(uri)


def acquire(uri: str, *run_ids: str) -> None:
    store, owner = open_store(uri), new_owner()
    _go()
    print(*[run_id for one in run_ids for run_id in store.runs.acquire([one], owner, 600)])


def acquire_and_stay(uri: str, run_id: str) -> None:
    store = open_store(uri)
    print(*store.runs.acquire([run_id], new_owner(), 600), flush=True)
    time.sleep(600)


def claim(uri: str, limit: str, *run_ids: str) -> None:
    store = open_store(uri)
    _go()
    print(*[run_id for run_id in run_ids if store.compute_targets.claim_slot("team-a", "box", run_id, int(limit))])


def add(uri: str, *keys: str) -> None:
    store = open_store(uri)
    _go()
    print(*[store.runs.add(_run(idempotency_key=key)).run_id for key in keys])


def write_a_lot(uri: str, count: str) -> None:
    store, owner = open_store(uri), new_owner()
    _go()
    run = store.runs.add(_run(lease_owner=owner))
    for number in range(int(count)):
        run = store.runs.save(replace(run, cursors={"log": number}), owner=owner, message=f"{number}")
    print(run.run_id)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
    sys.stdout.flush()
    sys.stdin.read()  # live on until the others are done too: the leases of the dead are free
