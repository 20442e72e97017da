"""A clock that stands still until it is told to go."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """Use its methods where code takes ``time.time``, ``time.monotonic`` or ``time.sleep``.

    :param now: seconds since the epoch.
    """

    def __init__(self, now: float = 1_000_000_000.0) -> None:
        self._start = self._now = now

    def time(self) -> float:
        """Return the seconds since the epoch."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds since the clock was made."""
        return self._now - self._start

    def sleep(self, seconds: float) -> None:
        """Let the time pass, without waiting."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let the time pass.

        :raises ValueError: for time that goes back.
        """
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += seconds
