"""A process that has the runner loaded and forks it where none is free: starting Python costs more than all the rest.

Started as ``python runner.pyz`` is, with the number of a socket in place of the directory. It lives as long as the
other end of the socket, which belongs to the process that submits; runners that have a job go on without it. It passes
each request (``staying.py`` has the format) to a runner; the answer is one byte, sent when the job is a runner's.
"""

from __future__ import annotations

import gc
import os

from .processes import signal
from .runners import Runners
from .staying import TAKEN, receive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_CANNOT_START = 1


def main(arguments: Sequence[str]) -> int:
    """Have jobs run until nobody asks any more; end with an error where no runner can be started."""
    connection = int(arguments[0])
    _load_what_every_runner_needs()
    if hasattr(gc, "freeze"):
        gc.freeze()  # a runner that tidied up would write to all that it shares with us, and copy it first
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are nobody's to count
    runners = Runners(connection)
    while True:
        request = receive(connection)
        if not request:
            return 0
        if not runners.hand_over(request):
            return _CANNOT_START
        os.write(connection, TAKEN)


def _load_what_every_runner_needs() -> None:
    """Import what the runner imports late; all of it is optional there, too."""
    for name in ("_ctypes", "_sha256", "_sha2", f"{__package__}.spawning", f"{__package__}.version"):
        try:
            __import__(name)
        except ImportError:
            continue
