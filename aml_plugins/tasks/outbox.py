"""What a workspace's webhooks still have to be told: a file an event and webhook, until its receiver took it.

Files are written before the event counts as told, and deleted after it was taken: killed anywhere, it is sent, perhaps
twice, under one id.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aml_plugins.errors import StoreError
from aml_plugins.store.records import TaskEvent
from aml_plugins.tasks.messages import event_id

__all__ = ["Letter", "Outbox", "pause_after"]

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An event on its way to one webhook.

    :param tries: how often it was sent in vain.
    :param due: when it is sent next, in seconds since the epoch.
    """

    workspace: str
    webhook: str
    event: TaskEvent
    written: float
    tries: int = 0
    due: float = 0.0

    @property
    def file_name(self) -> str:
        """The same whenever the event is told anew."""
        webhook = hashlib.sha256(f"{self.workspace}/{self.webhook}".encode()).hexdigest()[:16]
        return f"{event_id(self.event)}-{webhook}.json"

    def is_due(self, now: float) -> bool:
        """Say whether it is time; a wait that is longer than any was set before the clock went back."""
        return not 0 < self.due - now <= pause_after(self.tries - 1)


def pause_after(tries: int) -> float:
    """Return the seconds until a letter is sent again that was sent so often in vain."""
    return min(_FIRST_PAUSE * 2.0 ** min(tries, 60), _LONGEST_PAUSE)


class Outbox:
    """The letters of one store on this machine.

    :param home: the home directory.
    :param store_uri: whose events these are.
    """

    def __init__(self, home: Path, store_uri: str) -> None:
        self._directory = home / "outbox" / hashlib.sha256(store_uri.encode()).hexdigest()[:16]

    def put(self, letter: Letter) -> None:
        """Keep a letter until it is taken, whole or not at all.

        :raises StoreError: where it cannot be written.
        """
        path = self._directory / letter.file_name
        partial = path.with_name(f".{uuid.uuid4().hex}")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with partial.open("x", encoding="utf-8") as file:
                json.dump(asdict(letter), file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise StoreError(
                f"A notification cannot be kept in '{self._directory}': {error.strerror}.", "Free some space there."
            ) from error

    def letters(self) -> Sequence[Letter]:
        """Return what is there, in the order of the events."""
        found = [self._read(path) for path in sorted(self._directory.glob("evt_*.json"))]
        there = [letter for letter in found if letter is not None]
        return sorted(there, key=lambda letter: letter.event.sequence)

    def is_empty(self) -> bool:
        """Say whether nothing is there."""
        return not any(self._directory.glob("evt_*.json"))

    def taken(self, letter: Letter) -> None:
        """Forget a letter that was taken, or that nobody wants any more."""
        (self._directory / letter.file_name).unlink(missing_ok=True)

    def postpone(self, letter: Letter) -> Letter:
        """Send it later, and the later the more often it was sent in vain."""
        later = replace(letter, tries=letter.tries + 1, due=time.time() + pause_after(letter.tries))
        self.put(later)
        return later

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Be the only one on this machine who sends; yields False where somebody else does."""
        if not self._directory.is_dir():
            yield False
            return
        with (self._directory / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True

    def _read(self, path: Path) -> Letter | None:
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return Letter(**{**values, "event": TaskEvent(**values["event"])})
        except (OSError, ValueError, TypeError, KeyError):  # taken by another just now, or of a newer version
            return None
