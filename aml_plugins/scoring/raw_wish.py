"""Whether the script of this process wants the HTTP request as it came."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

__all__ = ["is_raw_requested", "rawhttp"]

F = TypeVar("F", bound=Callable[..., Any])

_wishes: list[str] = []


def rawhttp(function: F) -> F:
    """Give ``run()`` the HTTP request as it came, whatever its method and body."""
    _wishes.append(getattr(function, "__name__", "run"))
    return function


def is_raw_requested() -> bool:
    """Say whether the script used :func:`rawhttp`."""
    return bool(_wishes)
