"""Starting a script without a fork, which copies pages of this process until the script's program takes its place.

A spawned process runs none of our code, so it cannot ask to be killed with this one (``die_with_parent``). Instead it
inherits the end of a pipe that is set to send SIGKILL to its whole process group when the other end is closed, which
this process alone has (fcntl(2), ``F_SETSIG``). A script that closes every descriptor loses that, and so does one whose
runner is killed before :meth:`Leash.tie`: who buries the job finds both, by key and process group (``burial.py``).
"""

from __future__ import annotations

import errno
import fcntl
import os

from .launching import DEFAULT_SIGNALS
from .processes import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Leash", "spawn"]

_NUMBER = 61  # in the script: low ones are what shell scripts take; from 64 on, the kernel needs a larger table


def spawn(command: list[str], directory: str, variables: Mapping[str, str], output: int) -> tuple[int, Leash] | None:
    """Do what ``launching.start`` does; return the process id, and what ties that process to this one.

    This process is in the root directory afterwards: in no job's.

    :returns: None where this system, or this Python, can only fork.
    :raises OSError: where it cannot be started.
    """
    leash = _new_leash()
    if leash is None:
        return None
    try:
        pid = _spawned(command, directory, variables, (output, leash.read))
        leash.tie(pid)
    except NotImplementedError:
        leash.close()
        return None
    except BaseException:
        leash.close()
        raise
    return pid, leash


class Leash:
    """The pipe; ``read`` is the end that the script gets, too.

    :raises OSError: where the system sends no signal of our choice, or AttributeError.
    """

    def __init__(self) -> None:
        self.read, self._write = os.pipe()
        try:
            fcntl.fcntl(self.read, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(self.read, fcntl.F_SETFL, os.O_ASYNC)
        except BaseException:
            self.close()
            raise

    def tie(self, pid: int) -> None:
        """Have the group that ``pid`` leads killed when this process is gone, from now on."""
        fcntl.fcntl(self.read, fcntl.F_SETOWN, -pid)

    def close(self) -> None:
        """Let go of the group; what is left of it is another job's, and may hold the other end."""
        fcntl.fcntl(self.read, fcntl.F_SETFL, 0)
        os.close(self.read)
        os.close(self._write)


def _new_leash() -> Leash | None:
    try:
        return Leash()
    except (OSError, AttributeError):  # no Linux, or not all of it
        return None


def _spawned(command: list[str], directory: str, variables: Mapping[str, str], descriptors: tuple[int, int]) -> int:
    output, leash = descriptors
    files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    copies = [(os.POSIX_SPAWN_DUP2, source, target) for source, target in ((output, 1), (output, 2), (leash, _NUMBER))]
    os.chdir(directory)
    try:
        return os.posix_spawn(
            command[0], command, variables, file_actions=[*files, *copies], setsid=True, setsigdef=DEFAULT_SIGNALS
        )
    except ValueError as error:  # a NUL in an argument or variable
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from error
    finally:
        os.chdir(os.sep)
