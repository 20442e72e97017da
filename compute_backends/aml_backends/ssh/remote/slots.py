"""Slots kept for jobs on their way here: submitters that look at the same time see each other's."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Slots"]

RESERVED = ".reserved"
RESERVED_SECONDS = 60.0
"""How long a slot is kept whose job does not come."""


class Slots:
    """A file for each kept slot, in a hidden directory beside those of the jobs.

    :param running: returns how many jobs that are here have not ended.
    """

    def __init__(self, root: str, running: Callable[[], int]) -> None:
        self._root = root
        self._folder = os.path.join(root, RESERVED)
        self._running = running

    def taken(self) -> int:
        """Return how many jobs have a slot: those that are here, and those on their way."""
        return self._running() + len(self._on_their_way())

    def reserve(self, key: str, slots: int) -> bool:
        """Keep a slot for a job that is about to come; False where none is free. Who asks at the same time, waits."""
        os.makedirs(self._root, exist_ok=True)
        with self._alone():
            if key not in self._on_their_way():
                if self.taken() >= slots:
                    return False
                os.makedirs(self._folder, exist_ok=True)  # it goes with the last that came
                os.close(os.open(os.path.join(self._folder, key), os.O_WRONLY | os.O_CREAT, 0o666))
            return True

    def unreserve(self, key: str) -> None:
        """Forget that a slot was kept for a job: it counts by itself now, or went elsewhere."""
        with contextlib.suppress(OSError), self._alone():
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(self._folder, key))
            os.rmdir(self._folder)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep or give up slots while nobody else does."""
        lock = os.open(self._root, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _on_their_way(self) -> list[str]:
        """Return the jobs with a slot that are not here yet; forget those that came, and whose submitter was killed."""
        coming = []
        with contextlib.suppress(FileNotFoundError):
            for key in os.listdir(self._folder):
                path = os.path.join(self._folder, key)
                with contextlib.suppress(FileNotFoundError):
                    age = abs(time.time() - os.stat(path).st_mtime)
                    if os.path.isdir(os.path.join(self._root, key)) or age > RESERVED_SECONDS:
                        os.unlink(path)
                    else:
                        coming.append(key)
        return coming
