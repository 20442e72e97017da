"""What passes between the call and the end of a run, in order: each request with its wait, each step of the run.

Times are of one monotonic clock. Requests are those of this process, whatever library sends them, because all of them
end in ``http.client``; what the job sends from its node is not seen here, but the pauses in which it does are.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aml_plugins.runs.reconciliation import advance, driver

__all__ = ["show_journey"]

_LONGEST_PATH = 60


class _Journal:
    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.lines: list[tuple[float, float, str]] = []
        self._open: dict[tuple[int, int], tuple[float, str]] = {}

    def asks(self, connection: Any, what: str) -> None:
        self._open[threading.get_ident(), id(connection)] = (time.monotonic(), what)

    def answered(self, connection: Any, status: int) -> None:
        begun, what = self._open.pop((threading.get_ident(), id(connection)), (time.monotonic(), "?"))
        self.lines.append((begun - self.begun, time.monotonic() - begun, f"{what} -> {status}"))

    @contextmanager
    def step(self, what: Callable[[], str]) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.lines.append((begun - self.begun, time.monotonic() - begun, what()))


def show_journey(contender: Callable[[], object]) -> None:
    """Do the work once and print what it asked, and what it waited for."""
    journal = _Journal()
    with _listening(journal):
        contender()
    whole = time.monotonic() - journal.begun
    print("  begun at   took", flush=True)
    for begun, took, what in sorted(journal.lines):
        print(f"  {begun:7.3f} {took:7.3f} s  {what}", flush=True)
    requests = sum("->" in what and "HTTP" in what for _, _, what in journal.lines)
    slept = sum(took for _, took, what in journal.lines if what == "asleep")
    print(f"  {whole:.3f} s, {requests} requests, asleep for {slept:.3f} s", flush=True)


@contextmanager
def _listening(journal: _Journal) -> Iterator[None]:
    put, get = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse
    step, sleep = advance.advance, driver.Driver.sleep

    def putrequest(self: Any, method: str, url: str, *arguments: Any, **options: Any) -> None:
        journal.asks(self, f"HTTP {method} {url.partition('?')[0][-_LONGEST_PATH:]} of :{self.port}")
        put(self, method, url, *arguments, **options)

    def getresponse(self: Any, *arguments: Any, **options: Any) -> Any:
        answer = get(self, *arguments, **options)
        journal.answered(self, answer.status)
        return answer

    def advanced(one: Any, run: Any, seen: Any = None) -> Any:
        found: list[str] = [f"{run.state} ended with an error"]
        with journal.step(lambda: f"a step: {found[0]}"):
            after = step(one, run, seen)
            found[0] = run.state if after.state == run.state else f"{run.state} to {after.state}"
        return after

    def slept(self: Any, *arguments: Any, **options: Any) -> None:
        with journal.step(lambda: "asleep"):
            sleep(self, *arguments, **options)

    http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse = putrequest, getresponse  # type: ignore[assignment,method-assign]
    driver.advance, driver.Driver.sleep = advanced, slept  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse = put, get  # type: ignore[method-assign]
        driver.advance, driver.Driver.sleep = step, sleep  # type: ignore[method-assign]
