"""Ask again where a registry was away or busy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from aml_plugins.errors import TransientBackendError

__all__ = ["again", "longest_pause"]

T = TypeVar("T")
_ATTEMPTS = 5
_PAUSE, _LONGEST_PAUSE = 0.2, 10.0


def again(work: Callable[[], T], attempts: int = _ATTEMPTS) -> T:
    """Do something, once more where that may help.

    :raises TransientBackendError: what the last attempt met.
    """
    for attempt in range(attempts - 1):
        try:
            return work()
        except TransientBackendError as error:
            asked = error.retry_after
            time.sleep(min(asked if asked is not None else _PAUSE * 2.0**attempt, longest_pause()))
    return work()


def longest_pause() -> float:
    """Return for how many seconds to wait at most before asking again."""
    return float(os.environ.get("AML_REGISTRY_LONGEST_PAUSE", _LONGEST_PAUSE))
