"""A launcher's runners: as many as ever had a job at once."""

from __future__ import annotations

import os
import select
import sys

from .processes import signal
from .staying import FREE, LENGTH, TAKEN, stay

__all__ = ["Runners"]


class Runners:
    """Those that wait for a job, and those that have one.

    :param connection: a descriptor that is none of theirs.
    """

    def __init__(self, connection: int) -> None:
        self._connection = connection
        self._waiting: list[_Runner] = []
        self._busy: dict[int, _Runner] = {}

    def hand_over(self, request: bytes) -> bool:
        """Have a runner take a job; return False where none can be made to. Waits until one has it, or is dead."""
        self._look_around()
        while self._waiting:
            if self._given(self._waiting.pop(), request):  # the last one's memory is still at hand
                return True
        return self._given(self._forked(), request)

    def _given(self, runner: _Runner, request: bytes) -> bool:
        if not runner.take(request):
            runner.close()
            return False
        self._busy[runner.answers] = runner
        return True

    def _look_around(self) -> None:
        """Take note of who has become free, and who is gone; waits for nobody."""
        poll = select.poll()
        for answers in self._busy:
            poll.register(answers, select.POLLIN)
        for answers, _ in poll.poll(0):
            runner = self._busy.pop(answers)
            if os.read(answers, 1) == FREE:
                self._waiting.append(runner)
            else:
                runner.close()

    def _forked(self) -> _Runner:
        requests, for_us = os.pipe(), os.pipe()
        if os.fork() == 0:
            ours = [self._connection, requests[1], for_us[0]]
            others = [*self._waiting, *self._busy.values()]
            _become_runner(requests[0], for_us[1], [*ours, *(end for other in others for end in other.ends)])
        os.close(requests[0])
        os.close(for_us[1])
        return _Runner(requests[1], for_us[0])


class _Runner:
    """The launcher's ends of the pipes to and from one."""

    def __init__(self, requests: int, answers: int) -> None:
        self.answers = answers
        self.ends = (requests, answers)

    def take(self, request: bytes) -> bool:
        """Give it a job; return whether it took it. What is dead answers nothing."""
        left = memoryview(len(request).to_bytes(LENGTH, "big") + request)
        try:
            while left:
                left = left[os.write(self.ends[0], left) :]
            return os.read(self.answers, 1) == TAKEN
        except BrokenPipeError:
            return False

    def close(self) -> None:
        for end in self.ends:
            os.close(end)


def _become_runner(requests: int, answers: int, not_ours: list[int]) -> None:
    """Be what ``python runner.pyz DIRECTORY`` would have been, for more than one. Never returns."""
    code = 1
    try:
        for descriptor in not_ours:  # a runner notices the launcher's end by being the only one who holds its pipes
            os.close(descriptor)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stay(_lowest(requests), _lowest(answers))
        code = 0
    except BaseException:  # noqa: BLE001  as Python itself ends a program, but never in the caller's loop
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _lowest(descriptor: int) -> int:
    """Return the descriptor under the lowest number that is free: a launcher of many runners is beyond ``ending``'s."""
    low = os.dup(descriptor)
    os.close(descriptor)
    return low
