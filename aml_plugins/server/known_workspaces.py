"""Which workspaces there are, asked anew after a moment: every request wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["KnownWorkspaces"]

_SECONDS = 2.0
_MOST = 10_000


class KnownWorkspaces:
    """Remembers for a moment that a workspace is there; that one is missing is asked each time.

    :param exists: asks the database.
    """

    def __init__(self, exists: Callable[[str], bool]) -> None:
        self._exists = exists
        self._seen: dict[str, float] = {}

    def __call__(self, name: str) -> bool:
        """Say whether there is a workspace of this name."""
        if self.is_fresh(name):
            return True
        if not self._exists(name):
            self._seen.pop(name, None)
            return False
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[name] = time.monotonic() + _SECONDS
        return True

    def is_fresh(self, name: str) -> bool:
        """Say whether the database need not be asked."""
        return self._seen.get(name, 0.0) > time.monotonic()

    def forget(self, name: str) -> None:
        """Ask next time: it was deleted just now."""
        self._seen.pop(name, None)
