"""The script and everything below it: waiting for it, ending it, leaving nothing behind."""

from __future__ import annotations

import os
import time

from .launching import start
from .processes import descendants, kill, signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .control import Control
    from .spawning import Leash

__all__ = ["Children", "exit_code_of", "was_terminated"]

_STRAGGLERS_GRACE = 2.0
_LAST_TRY_SECONDS = 10.0


class Children:
    """The processes of the job.

    :param orphans_adopted: whether a process whose parent died becomes this process's child; then "no child" means
        that nothing at all is left.
    """

    def __init__(self, key: str, control: Control, *, orphans_adopted: bool) -> None:
        self._key = key
        self._control = control
        self._adopted = orphans_adopted
        self.script: int | None = None
        self.wait_status: int | None = None
        self._leash: Leash | None = None

    def start(
        self, command: list[str], directory: str, variables: Mapping[str, str], output: int, *, stays: bool
    ) -> int:
        """Start the script; return its process id.

        :param stays: whether this process has other jobs after this one: without a fork then, and in no directory.
        :raises OSError: where it cannot be started.
        """
        if stays:
            from .spawning import spawn  # noqa: PLC0415  a runner of one job is quicker without

            self.script, self._leash = spawn(command, directory, variables, output) or (None, None)
        if self.script is None:
            self.script = start(command, directory, variables, output)
        return self.script

    def script_ended(self) -> bool:
        """Count the dead; return whether the script is among them."""
        self._reap()
        return self.wait_status is not None

    def end(self, grace: float) -> None:
        """End whatever is left: SIGTERM, and after ``grace`` seconds SIGKILL."""
        if not self._left():
            return
        self._signal(signal.SIGTERM)
        self._wait_for_end(grace)
        until = time.monotonic() + _LAST_TRY_SECONDS
        while self._left() and time.monotonic() < until:
            self._signal(signal.SIGKILL)
            self._control.wait(0.02)

    def are_gone(self) -> bool:
        """Return whether this process has no child at all, and would know of one."""
        return self._adopted and not self._reap()

    def let_go(self) -> None:
        """Say that nothing is left that would have to end with this process."""
        if self._leash is not None:
            self._leash.close()
            self._leash = None

    def end_stragglers(self, grace: float) -> None:
        """End what a script that is over left running."""
        self.end(min(grace, _STRAGGLERS_GRACE))

    def _wait_for_end(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._left():
            self._control.cancelled()  # for its heartbeat
            self._control.wait(until - time.monotonic())

    def _left(self) -> bool:
        """Return whether any process of the job lives; one system call where all is over."""
        if not self._reap() and self._adopted:
            return False
        return bool(self._living()) or (self.script is not None and self.wait_status is None)

    def _living(self) -> list[int]:
        return descendants(self._key, orphans_adopted=self._adopted)

    def _signal(self, number: int) -> None:
        """Signal each process once: a second SIGTERM means "at once" to some programs."""
        living = self._living()
        for pid in living:
            kill(pid, number)
        if not living and self.script is not None and self.wait_status is None:
            kill(-self.script, number)  # no /proc to look into: at least its process group

    def _reap(self) -> bool:
        """Count the dead; return whether there are children left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.script:
                self.wait_status = status


def exit_code_of(wait_status: int) -> int:
    """Return the exit code; negative for a signal."""
    return -os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else os.WEXITSTATUS(wait_status)


def was_terminated(wait_status: int | None) -> bool:
    """Say whether a script died of being asked to end."""
    return wait_status is not None and os.WIFSIGNALED(wait_status) and os.WTERMSIG(wait_status) == signal.SIGTERM
