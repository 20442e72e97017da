"""The life of a runner that a launcher forked: job after job, as long as each leaves nothing behind in it."""

from __future__ import annotations

import os

from .claiming import release, sign_off
from .control import Signals
from .ending import announce, is_over
from .json_text import loads
from .main import Run, take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FREE", "LENGTH", "TAKEN", "receive", "stay"]

TAKEN = b"+"
FREE = b"."
LENGTH = 4


def stay(requests: int, answers: int) -> None:
    """Run what is asked for, until nobody asks any more, this process is told to end, or a job was not a clean one.

    :param requests: each is four bytes (its length, the highest first) and as many of JSON, ``{"directory": str,
        "variables": {str: str}}``.
    :param answers: gets ``TAKEN`` when the job is claimed, or found to be no runner's any more, and ``FREE`` when it
        is over. Who reads neither of them but the end has to find another runner.
    """
    signals = Signals()
    while _is_asked(requests, signals):
        request = receive(requests)
        if not request or signals.asked:
            return
        wanted = loads(request.decode())
        if not _run(wanted["directory"], wanted["variables"], signals, answers) or not _say(answers, FREE):
            return


def receive(descriptor: int) -> bytes:
    """Return the next request without its length, nothing where there will be none."""
    return _read(descriptor, int.from_bytes(_read(descriptor, LENGTH), "big"))


def _read(descriptor: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = os.read(descriptor, size - len(found))
        if not piece:
            return b""
        found += piece
    return found


def _is_asked(requests: int, signals: Signals) -> bool:
    while not signals.asked:
        if signals.wait(None, requests):
            return True
    return False


def _run(directory: str, variables: Mapping[str, str], signals: Signals, answers: int) -> bool:
    """Run the job, unless another runner does; return whether this process may run another."""
    ending = announce()
    try:
        lock = take(directory)
        _say(answers, TAKEN)
        if lock is None:
            return False
        try:
            run = Run(directory, lock, signals, variables)
            run.run()
            return run.is_clean and sign_off(directory, lock) and not signals.asked
        finally:
            release(lock)
    finally:
        is_over(ending)


def _say(answers: int, word: bytes) -> bool:
    """Return whether the launcher lives to hear it; the job goes on without."""
    try:
        return os.write(answers, word) == len(word)
    except OSError:
        return False
