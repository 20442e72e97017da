"""The run that wants an environment: its log, and whether it was asked to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import BuildStoppedError
from .redaction import redact

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = ["Owner"]


class Owner:
    """Who is told what happens, and may have enough of it."""

    def __init__(self, log: BinaryIO, cancelled: Callable[[], bool]) -> None:
        self._log = log
        self._cancelled = cancelled

    def say(self, text: str) -> None:
        """Write a line to the run's log."""
        self._log.write(f"{redact(text)}\n".encode("utf-8", "backslashreplace"))

    def check(self) -> None:
        """Return where the build is to go on.

        :raises BuildStoppedError: where it is not.
        """
        if self._cancelled():
            raise BuildStoppedError
