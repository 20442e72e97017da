"""A wall clock that can be moved while processes run; what counts seconds (the monotonic clock) goes on."""

from __future__ import annotations

from pathlib import Path

from services.requirements import require_service

__all__ = ["Clock"]

_LIBRARY = "faketime/libfaketimeMT.so.1"


class Clock:
    """The clock of the processes that are started with its :attr:`variables`.

    :param file: what says how far the clock is off.
    """

    def __init__(self, file: Path) -> None:
        library = next((path for path in Path("/usr/lib").glob(f"*/{_LIBRARY}")), None)
        require_service("libfaketime", library, "tools/faketime install")
        self._file = file
        self.set(0)
        self.variables = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """Put the clock this far from the true time."""
        partial = self._file.with_suffix(".partial")
        partial.write_text(f"{seconds:+d}s\n")
        partial.chmod(0o644)
        partial.replace(self._file)
