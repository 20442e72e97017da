"""What is written down of an answered request."""

from __future__ import annotations

import time

__all__ = ["Answered"]


class Answered:
    """One request and its answer, at the moment when it was sent.

    :param seconds: from the request to its answer.
    :param run_ms: how long ``run()`` took, where it was called and returned.
    """

    __slots__ = ("length", "method", "path", "query", "run_ms", "seconds", "status", "time")

    def __init__(  # noqa: PLR0917  made once, in the hot path
        self, method: str, path: str, query: bytes, status: int, length: int, seconds: float, run_ms: float | None
    ) -> None:
        self.time = time.time()
        self.method = method
        self.path = path
        self.query = query
        self.status = status
        self.length = length
        self.seconds = seconds
        self.run_ms = run_ms

    def line(self) -> str:
        """Return its line of the log."""
        shown = f"{self.path}?{self.query.decode('latin-1')}" if self.query else self.path
        line = f"{self.method} {shown} {self.status} {self.seconds * 1000:.3f}ms {self.length}"
        return line.replace("\n", "%0A").replace("\r", "%0D")
