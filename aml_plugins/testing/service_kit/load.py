"""Constant load on a service: callers that keep their connections, and callers that make a new one each time."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Load", "constant_load"]

_OK = 200
_TIMEOUT = 60


class Load:
    """What the callers met; ``seconds`` has how long each answer took, in their order."""

    def __init__(self) -> None:
        self.versions: Counter[int] = Counter()
        self.failures: list[str] = []
        self.seconds: list[float] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many requests were answered."""
        return sum(self.versions.values())

    def fail(self, failure: str) -> None:
        """Take down a request that was not answered well."""
        with self._lock:
            self.failures.append(failure)

    def note(self, version: int, seconds: float) -> None:
        """Take down a request that a version answered."""
        with self._lock:
            self.versions[version] += 1
            self.seconds.append(seconds)

    def wait_for_more(self, more: int = 50, patience: float = 60) -> None:
        """Return once some more requests were answered."""
        wanted, until = self.count + more, time.monotonic() + patience
        while self.count < wanted and not self.failures and time.monotonic() < until:
            time.sleep(0.05)


@contextmanager
def constant_load(url: str, *, callers: int = 4, key: str | None = None, pause: float = 0.02) -> Iterator[Load]:
    """Call a service all the time; every second caller keeps its connection.

    :param pause: seconds between two requests of a caller.
    """
    load = Load()
    threads = [
        threading.Thread(target=_call, args=(load, url, key, pause), kwargs={"keeps": number % 2 == 0}, daemon=True)
        for number in range(callers)
    ]
    for thread in threads:
        thread.start()
    try:
        load.wait_for_more()
        yield load
    finally:
        load.stopping.set()
        for thread in threads:
            thread.join()


def _call(load: Load, url: str, key: str | None, pause: float, *, keeps: bool) -> None:
    import urllib3  # noqa: PLC0415  the kit is loaded by every pytest

    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    pool = urllib3.PoolManager()
    while not load.stopping.wait(pause):
        begun, sent = time.monotonic(), headers if keeps else {**headers, "Connection": "close"}
        try:
            answer = pool.request("POST", url, body=b'"x"', headers=sent, retries=False, timeout=_TIMEOUT)
        except urllib3.exceptions.HTTPError as error:
            load.fail(f"{type(error).__name__}: {error}")
            continue
        if answer.status == _OK:
            load.note(int(json.loads(answer.data)["version"]), time.monotonic() - begun)
        else:
            load.fail(f"{answer.status}: {answer.data[:200]!r}")
