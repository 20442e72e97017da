"""Connections that are opened when they are first needed: constructing a backend asks nobody anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

__all__ = ["OnDemand"]


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)


class OnDemand(Generic[T]):
    """Something to open once, and again after it was closed.

    :param open_it: opens it.
    """

    def __init__(self, open_it: Callable[[], T]) -> None:
        self._open = open_it
        self._opened: T | None = None

    def get(self) -> T:
        """Return what is open."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def close(self) -> None:
        """Close it, if it is open. May be called twice."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
