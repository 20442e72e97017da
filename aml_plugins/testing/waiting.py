"""Wait for what a test waits for: the one loop of all tests, which asks and never trusts a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE_SECONDS", "wait_until"]

PATIENCE_SECONDS = 240.0
"""Enough for a machine that does ten other things; below pytest's own limit, which names no reason."""
_SHORTEST, _LONGEST = 0.02, 0.2

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T],
    patience: float = PATIENCE_SECONDS,
    *,
    longest: float = _LONGEST,
    what: str | Callable[[], str] = "what the test waits for",
) -> T:
    """Ask until the answer is neither empty nor false, and return it.

    :param patience: seconds.
    :param longest: seconds between two questions at most; who asks a costly thing asks seldom.
    :param what: what should happen, for the error; or what returns it, such as the end of a log.
    :raises TimeoutError: where it never came true.
    """
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        if waited > patience:
            said = what if isinstance(what, str) else what()
            raise TimeoutError(f"It did not happen in {patience:.0f} s: {said}")
        # A tenth of the time is lost at most, and who waits for long asks seldom: to ask costs processor time.
        time.sleep(min(max(_SHORTEST, waited / 10), longest))
    return found
