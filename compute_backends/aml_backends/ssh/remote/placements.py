"""On which machine of several jobs are, kept on one of them: decided once, whoever asks."""

from __future__ import annotations

import contextlib
import os

__all__ = ["Placements"]

PLACED = ".placed"


class Placements:
    """A file for each job that says where it is, in a hidden directory beside those of the jobs."""

    def __init__(self, root: str) -> None:
        self._folder = os.path.join(root, PLACED)

    def place(self, key: str, host: str | None) -> str | None:
        """Return on which machine a job is to be; with ``host``, decide it where nobody did before."""
        path = os.path.join(self._folder, key)
        if host is not None and not os.path.exists(path):
            self._write_once(path, host)
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def unplace(self, key: str) -> None:
        """Forget where a job was."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._folder, key))
        with contextlib.suppress(OSError):
            os.rmdir(self._folder)

    def _write_once(self, path: str, host: str) -> None:
        os.makedirs(self._folder, exist_ok=True)
        part = "%s.%d.part" % (path, os.getpid())
        with open(part, "w", encoding="utf-8") as file:
            file.write(host)
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
        os.unlink(part)
