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
from typing import Any, Iterable

from .answered import Answered
from .settings import BadSettingError, Settings

__all__ = ["AccessLog", "configure_logs"]

_FORMAT = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s"
_NAME = "azmlinfsrv"


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
    if logging.lastResort is not None:  # a script that sets up nothing: its warnings say whose they are
        logging.lastResort.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
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

    def __init__(self) -> None:
        self._logger = logging.getLogger(_NAME)
        self._prefix = f" I [{os.getpid()}] {_NAME} - "
        # A configuration of the user's own gets every line by itself.
        self._plain = len(self._logger.handlers) == 1 and type(self._logger.handlers[0]) is logging.StreamHandler
        self._second = 0
        self._text = ""

    def write(self, answered: Iterable[Answered]) -> None:
        """Write the lines of some answered requests."""
        if not self._logger.isEnabledFor(logging.INFO):
            return
        if not self._plain:
            for one in answered:
                self._logger.info("%s", one.line())
            return
        sys.stdout.write("".join(f"{self._stamp(one.time)}{self._prefix}{one.line()}\n" for one in answered))
        sys.stdout.flush()

    def _stamp(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(second))
        return f"{self._text},{int((now - second) * 1000):03d}"
