"""What went in and came out, kept for later: one JSON line a request, written by a thread of its own."""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
import time
from typing import Any

from .answers import Answer
from .incoming import Incoming

__all__ = ["Capture", "line_of"]

logger = logging.getLogger("azmlinfsrv")

_WAITING = 1000
_LONGEST_FILE = 64 << 20


def line_of(incoming: Incoming, answer: Answer, request_id: str) -> dict[str, Any]:
    """Return what is kept of one scored request."""
    return {
        "time": time.time(),
        "request_id": request_id,
        "status": answer.status,
        "input": (incoming.body or incoming.query).decode("utf-8", "replace"),
        "output": answer.body.decode("utf-8", "replace"),
    }


class Capture:
    """Writes ``DIRECTORY/YYYY-MM-DD-HH-PID-N.jsonl``. Scoring never waits for it: what is too much is dropped.

    A file is opened for each line, so that whoever collects them may move it away at any time.

    :param directory: made where it is missing.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(_WAITING)
        self._dropped = 0
        self._number = 0
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def write(self, incoming: Incoming, answer: Answer, request_id: str) -> None:
        """Take one scored request down."""
        self.take(line_of(incoming, answer, request_id))

    def take(self, line: dict[str, Any]) -> None:
        """Take a line down."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what waits, and end."""
        self._lines.put(None)
        self._thread.join(10)

    def _write_all(self) -> None:
        while True:
            line = self._lines.get()
            if line is None:
                return
            if self._dropped:
                line["dropped_before"], self._dropped = self._dropped, 0
            try:
                self._append(json.dumps(line))
            except OSError as error:
                logger.error("Inputs and outputs cannot be written down: %s", error)  # noqa: TRY400  the sentence says it

    def _append(self, text: str) -> None:
        os.makedirs(self._directory, exist_ok=True)
        path = self._path()
        if os.path.exists(path) and os.path.getsize(path) > _LONGEST_FILE:
            self._number += 1
            path = self._path()
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _path(self) -> str:
        hour = time.strftime("%Y-%m-%d-%H", time.gmtime())
        return os.path.join(self._directory, f"{hour}-{os.getpid()}-{self._number}.jsonl")
