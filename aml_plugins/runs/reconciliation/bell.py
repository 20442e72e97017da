"""A bell at each store's monitors on this machine: whoever leaves a run to them rings, so that none sleeps over it.

Only a hint: a monitor looks by itself, too, and where no bell can be made, everybody is as well off as without one.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["Bell", "ring"]

_ENOUGH = 4096


class Bell:
    """The monitor's end."""

    def __init__(self, context: Context) -> None:
        self.descriptor: int | None = None
        path = Path(_place(context.home, context.store.uri))
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                os.mkfifo(path, 0o600)
            # For writing, too: a pipe whose last writer has gone would always have news.
            self.descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def has_rung(self) -> bool:
        """Say whether it rang since the last call."""
        if self.descriptor is None:
            return False
        try:
            return bool(os.read(self.descriptor, _ENOUGH))
        except OSError:
            return False

    def close(self) -> None:
        """Listen no more."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


def ring(context: Context) -> None:
    """Wake the store's monitors on this machine, if there are any."""
    with suppress(OSError):  # nobody listens, or nobody ever did
        descriptor = os.open(_place(context.home, context.store.uri), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(descriptor, b"!")
        finally:
            os.close(descriptor)


@lru_cache(maxsize=16)  # it rings for each run
def _place(home: Path, uri: str) -> str:
    name = hashlib.sha256(uri.encode()).hexdigest()[:16]
    return f"{home}/monitors/{name}.bell"
