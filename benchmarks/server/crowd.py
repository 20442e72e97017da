"""Many clients at once: what they wrote is there, once, and nothing failed."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from requests_measured import new_run

from aml_plugins.errors import AmlError
from aml_plugins.store.leases import new_owner
from aml_plugins.store.rest.connection import Connection
from aml_plugins.store.rest.credentials import address_of
from aml_plugins.store.rest.runs import RestRuns

__all__ = ["Crowd", "crowd", "server_errors"]

_SERVER_ERROR = re.compile(r'" 5\d\d\b')


@dataclass
class Crowd:
    """What came of it."""

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    failed: int = 0
    lost: int = 0
    doubled: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests(self) -> int:
        return len(self.taken) + self.failed

    def measured(self, act: Any) -> Any:
        begun = time.perf_counter()
        try:
            done = act()
        except AmlError:
            with self.lock:
                self.failed += 1
            return None
        with self.lock:
            self.taken.append(time.perf_counter() - begun)
        return done


def crowd(url: str, *, clients: int, rounds: int) -> Crowd:
    """Let clients, each with a connection of its own, submit, write and list."""
    result, begun = Crowd(), time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        versions = list(pool.map(lambda _: _client(url, rounds, result), range(clients)))
    result.seconds = time.perf_counter() - begun
    wanted = {run_id: version for of_one in versions for run_id, version in of_one.items()}
    stored = RestRuns(Connection(address_of(url))).list("default", limit=100_000)
    result.lost = sum(run.version != wanted.get(run.run_id, run.version) for run in stored)
    result.doubled = len(stored) - len(wanted)
    return result


def server_errors(log: Path) -> int:
    """Count the answers of 500 and more in a server's log: clients repeat such requests, and would hide them."""
    return sum(bool(_SERVER_ERROR.search(line)) for line in log.read_text(errors="replace").splitlines())


def _client(url: str, rounds: int, result: Crowd) -> dict[str, int]:
    runs, owner, versions = RestRuns(Connection(address_of(url))), new_owner(), {}
    for _ in range(rounds):
        made = new_run(lease_owner=owner)
        run = result.measured(lambda made=made: runs.add(made))
        if run is None:
            continue
        for step in range(2):
            changed = replace(run, cursors={"log": step})
            run = result.measured(lambda changed=changed: runs.save(changed, owner=owner, message="On.")) or run
        result.measured(lambda: runs.list("default", limit=20))
        versions[run.run_id] = run.version
    return versions
