"""One environment's place in the cache: who builds it, who waits, who uses it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .owner import Owner

__all__ = ["Build", "Place"]

_MARKER = ".aml-complete"
_TICK_SECONDS = 0.2


class Place:
    """Where the environment of a key is or will be."""

    def __init__(self, cache: str, key: str) -> None:
        self.prefix = os.path.join(cache, key)
        self.scratch = f"{self.prefix}.build"
        self._lock = f"{self.prefix}.lock"
        self._marker = os.path.join(self.prefix, _MARKER)

    def use(self, owner: Owner) -> dict[str, Any] | None:
        """Return what was said of the environment when it was complete, None where it is not.

        The environment is not removed as long as this process lives: nobody but its end releases the lock.
        """
        descriptor = self._locked(fcntl.LOCK_SH, owner)
        made = self._read()
        if made is None:
            os.close(descriptor)
            return None
        os.utime(self._marker)
        return made

    @contextmanager
    def building(self, owner: Owner) -> Iterator[Build | None]:
        """Give the place to one builder, empty; None where the environment was completed meanwhile.

        What the builder leaves without ``complete`` is removed.
        """
        descriptor = self._locked(fcntl.LOCK_EX, owner)
        try:
            if self._read() is not None:
                yield None
                return
            unfinished = os.path.isdir(self.prefix)
            self.clear()
            os.makedirs(self.scratch, mode=0o700)
            try:
                yield Build(self, descriptor, unfinished)
            finally:
                if self._read() is None:
                    self.clear()
                shutil.rmtree(self.scratch, ignore_errors=True)
        finally:
            os.close(descriptor)

    @contextmanager
    def unused(self) -> Iterator[bool]:
        """Keep others away; False where somebody builds or uses the environment."""
        descriptor = self._open()
        try:
            yield _try_lock(descriptor, fcntl.LOCK_EX)
        finally:
            os.close(descriptor)

    def last_use(self) -> float | None:
        """Return when the environment was last taken, None where it is not complete."""
        try:
            return os.stat(self._marker).st_mtime
        except OSError:
            return None

    def complete(self, made: dict[str, Any]) -> None:
        """Say that the environment can be used."""
        part = f"{self._marker}.part"
        with open(part, "w", encoding="utf-8") as file:
            json.dump(made, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, self._marker)

    def clear(self) -> None:
        """Remove all but the lock; the marker goes first, so that half an environment is never taken for one."""
        with suppress(OSError):
            os.unlink(self._marker)
        for directory in (self.prefix, self.scratch):
            if os.path.lexists(directory):
                shutil.rmtree(directory)

    def _read(self) -> dict[str, Any] | None:
        try:
            with open(self._marker, encoding="utf-8") as file:
                made = json.load(file)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        return made if isinstance(made, dict) and os.path.exists(str(made.get("python"))) else None

    def _locked(self, how: int, owner: Owner) -> int:
        descriptor = self._open()
        try:
            if not _try_lock(descriptor, how):
                owner.say("Another run is building this environment; waiting for it.")
            while not _try_lock(descriptor, how):
                owner.check()
                time.sleep(_TICK_SECONDS)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _open(self) -> int:
        return os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o666)


class Build:
    """A build that has the place for itself.

    :ivar lock: the lock's descriptor, for the build's processes: whoever outlives the builder keeps others away.
    :ivar unfinished: whether an earlier build had been cut off.
    """

    def __init__(self, place: Place, lock: int, unfinished: bool) -> None:  # noqa: FBT001  made in one place
        self.prefix = place.prefix
        self.scratch = place.scratch
        self.lock = lock
        self.unfinished = unfinished
        self.complete = place.complete


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
