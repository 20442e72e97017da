"""Calling ``run()`` in the main thread: with a deadline, and as if no event loop were there."""

from __future__ import annotations

import asyncio
import signal
import time
from types import FrameType
from typing import Any, Callable

__all__ = ["Caller", "RunFailedError", "RunTimeoutError"]


class RunFailedError(Exception):
    """``run()`` raised; its exception is the cause."""


class RunTimeoutError(Exception):
    """``run()`` took too long, and was interrupted."""


class Caller:
    """Calls functions of the script, one at a time.

    :param timeout_ms: for each call; 0 or less means none, as ``setitimer`` has it.
    """

    def __init__(self, timeout_ms: int) -> None:
        self.busy_since: float | None = None
        self._seconds = max(0.0, timeout_ms / 1000)
        signal.signal(signal.SIGALRM, _time_is_up)

    @property
    def overdue_seconds(self) -> float:
        """How far the call of this moment is beyond its deadline: native code cannot be interrupted."""
        since = self.busy_since
        if since is None or not self._seconds:
            return 0.0
        return time.perf_counter() - since - self._seconds

    def call(self, function: Callable[..., Any], **arguments: Any) -> tuple[Any, float]:
        """Return the result and how many milliseconds it took.

        The loop of this thread is hidden meanwhile: ``asyncio.run()`` in a script works as in any program.

        :raises RunTimeoutError: where a TimeoutError came out: the deadline's or the script's own.
        :raises RunFailedError: where anything else came out, ``SystemExit`` too.
        """
        loop = asyncio._get_running_loop()  # noqa: SLF001  what nested loops have to use
        asyncio._set_running_loop(None)  # noqa: SLF001  as above
        self.busy_since = start = time.perf_counter()
        try:
            signal.setitimer(signal.ITIMER_REAL, self._seconds)
            result = function(**arguments)
            return result, (time.perf_counter() - start) * 1000
        except TimeoutError as error:
            raise RunTimeoutError from error
        except BaseException as error:
            raise RunFailedError from error
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.busy_since = None
            asyncio._set_running_loop(loop)  # noqa: SLF001  as above


def _time_is_up(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError
