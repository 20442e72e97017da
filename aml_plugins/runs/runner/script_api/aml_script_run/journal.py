"""Append records to the file that the runner named: one line, one ``write``, so that many processes mix safely."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from typing import Any

VERSION = 1


class Journal:
    """The writing end of one records file.

    Each process (and each fork) is a writer of its own: ``w`` names it, ``n`` counts its records. The reader knows by
    them what it has already seen.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._warned = False
        self._begin()

    def append(self, run: str, op: str, **fields: Any) -> None:
        """Write one record. A full disk must not end a training: it is said once on standard error."""
        if self._pid != os.getpid():
            self._begin()
        with self._lock:
            self._number += 1
            record = {
                "v": VERSION,
                "w": self._writer,
                "n": self._number,
                "t": int(time.time() * 1000),
                "run": run,
                "op": op,
            }
            record.update(fields)
            self._write(json.dumps(record, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n")

    def _begin(self) -> None:
        """Start as a new writer: the lock and the counter of a forked parent are not ours."""
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._writer = uuid.uuid4().hex[:16]
        self._number = 0
        self._file = -1

    def _write(self, line: bytes) -> None:
        try:
            if self._file < 0:
                self._file = os.open(
                    self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644
                )
            written = os.write(self._file, line)
            if written < len(line):  # a torn line: the line break after it saves the next one
                os.write(self._file, b"\n" + line)
        except OSError as error:
            self._warn(error)

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            sys.stderr.write(f"What the script logs cannot be written to {self.path}: {error}\n")
