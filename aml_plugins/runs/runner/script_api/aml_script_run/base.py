"""What every part of a run uses: its id, its records, what is known of it."""

from __future__ import annotations

from typing import Any, Iterator

from .facts import Facts
from .session import Session
from .uploads import Uploads

MAX_RECORD = 256 * 1024


class RunBase:
    """A run by its id in a session."""

    _session: Session
    _run_id: str

    def _record(self, op: str, **fields: Any) -> None:
        self._session.journal.append(self._run_id, op, **fields)

    def _facts(self) -> Facts:
        return self._session.reading.run(self._run_id)

    @property
    def _uploads(self) -> Uploads:
        return self._session.uploads(self._run_id)


def portions(items: list[Any]) -> Iterator[list[Any]]:
    """Yield ``items`` in lists that each fit in a record of a sensible size."""
    portion: list[Any] = []
    size = 0
    for item in items:
        portion.append(item)
        size += len(repr(item)) + 1
        if size >= MAX_RECORD:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion
