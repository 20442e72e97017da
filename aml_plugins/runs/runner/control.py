"""What reaches the runner from outside: signals, the ``cancel`` file, the clock."""

from __future__ import annotations

import os
import select

from .claiming import CANCEL
from .processes import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .status import Status

__all__ = ["Control", "Signals"]

TICK_SECONDS = 0.5


class Signals:
    """The signals of this process, whichever job it runs; make it once.

    ``asked`` says that the process was asked to end, and with it what it does.
    """

    def __init__(self) -> None:
        self.asked = False
        self._wake, write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGTERM, self._ask)
        signal.signal(signal.SIGINT, self._ask)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its byte in the pipe ends a wait
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a job outlives the terminal it was submitted from

    def wait(self, seconds: float | None, *also: int) -> bool:
        """Return after a signal, a child's end, or ``seconds``, or with True when one of these can be read."""
        readable, _, _ = select.select([self._wake, *also], [], [], seconds)
        if self._wake not in readable:
            return bool(readable)
        os.read(self._wake, 4096)
        return len(readable) > 1

    def _ask(self, *_: object) -> None:
        self.asked = True


class Control:
    """Knows whether the job was asked to end, keeps the heartbeat, and waits without polling for a child's end."""

    def __init__(self, directory: str, status: Status, signals: Signals) -> None:
        self._cancel_file = os.path.join(directory, CANCEL)
        self._status = status
        self._signals = signals
        self._is_cancelled = False

    def cancelled(self) -> bool:
        """Return whether the job was asked to end; call it now and then: it also shows that the runner is alive."""
        self._status.beat()
        if not self._is_cancelled:
            self._is_cancelled = self._signals.asked or os.path.exists(self._cancel_file)
        return self._is_cancelled

    def wait(self, seconds: float = TICK_SECONDS) -> None:
        """Return after a signal, a child's end, or ``seconds``; earlier where the heartbeat falls due meanwhile."""
        beat = self._status.seconds_to_beat
        longest = beat if 0.0 < beat < TICK_SECONDS else TICK_SECONDS
        self._signals.wait(max(0.0, min(seconds, longest)))
