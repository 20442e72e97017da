"""What the server and the script write: one format, the script's ``print`` included, on standard output."""

from __future__ import annotations

import builtins
import functools
import json
import logging
import logging.config
import os
import sys
import time
from typing import Any

from .settings import BadSettingError, Settings

__all__ = ["AccessLog", "configure_logs"]

_FORMAT = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s"
_NAME = "azmlinfsrv"
_FLUSH_SECONDS = 0.1


def configure_logs(settings: Settings) -> None:
    """Set up the loggers; a ``logging.json`` beside the application or the script has the last word."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter(_FORMAT)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.getLogger(_NAME)
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(settings.log_level.upper() if settings.log_level.upper() in logging.getLevelNamesMapping() else 20)
    for folder in (settings.app_root, os.path.dirname(settings.entry_script or "")):
        path = os.path.join(folder, "logging.json")
        if folder and os.path.isfile(path):
            _load(path)
            break
    _take_over_print()


def _load(path: str) -> None:
    try:
        with open(path, encoding="utf-8") as file:
            logging.config.dictConfig(json.load(file))
    except (OSError, ValueError, TypeError, AttributeError, ImportError) as error:
        raise BadSettingError(f"The logging configuration {path} cannot be used: {error}.") from error


def _take_over_print() -> None:
    """Make ``print`` to standard output a line of the log, with time and process."""
    plain = builtins.print
    logger = logging.getLogger(f"{_NAME}.print")

    @functools.wraps(plain)
    def print_to_log(
        *values: Any, sep: str | None = " ", end: str = "\n", file: Any = None, flush: bool = False
    ) -> None:
        if (file or sys.stdout) is sys.stdout:
            logger.info("%s", (" " if sep is None else sep).join(map(str, values)))
        else:
            plain(*values, sep=sep, end=end, file=file, flush=flush)

    if not hasattr(plain, "__wrapped__"):
        builtins.print = print_to_log  # type: ignore[assignment]  # the overloads of a hook


class AccessLog:
    """One line a request, written in batches: a write a request would cost more than the rest of the server."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._logger = logging.getLogger(_NAME)
        self._lines: list[str] = []
        self._prefix = f" I [{os.getpid()}] {_NAME} - "
        # A configuration of the user's own gets every line by itself.
        self._plain = len(self._logger.handlers) == 1 and type(self._logger.handlers[0]) is logging.StreamHandler
        self._second = 0
        self._text = ""

    def note(self, method: str, path: str, query: bytes, status: int, milliseconds: float, length: int) -> None:  # noqa: PLR0917  called once, in the hot path
        """Take down one answered request."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        shown = f"{path}?{query.decode('latin-1')}" if query else path
        line = f"{method} {shown} {status} {milliseconds:.3f}ms {length}".replace("\n", "%0A").replace("\r", "%0D")
        if not self._plain:
            self._logger.info("%s", line)
            return
        if not self._lines:
            self._loop.call_later(_FLUSH_SECONDS, self.flush)
        self._lines.append(f"{self._now()}{self._prefix}{line}\n")

    def flush(self) -> None:
        """Write what has gathered."""
        if self._lines:
            sys.stdout.write("".join(self._lines))
            sys.stdout.flush()
            self._lines.clear()

    def _now(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        return f"{self._text},{int((now - second) * 1000):03d}"
