"""Starting a process. ``subprocess`` would cost twice the time that starting Python does."""

from __future__ import annotations

import errno
import os

from .processes import die_with_parent, signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_SIGNALS", "start"]

_NAMES = ("SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGCHLD", "SIGPIPE", "SIGXFSZ")
DEFAULT_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
"""What Python, the runner and a shell that started it in the background ignore or handle, and a program shall not."""


def start(command: list[str], directory: str, variables: Mapping[str, str], output: int) -> int:
    """Start a program in a session of its own; return its process id.

    :param output: the descriptor that gets its standard output and error; its input is empty.
    :raises OSError: where it cannot be started.
    """
    read, write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(command, directory, variables, (output, write), parent)
    os.close(write)
    try:
        number = os.read(read, 16)  # exec closes the other end: nothing is what we hope for
    finally:
        os.close(read)
    if number:
        os.waitpid(pid, 0)
        raise OSError(int(number), os.strerror(int(number)))
    return pid


def _become(
    command: list[str], directory: str, variables: Mapping[str, str], descriptors: tuple[int, int], parent: int
) -> None:
    """Turn this child into the program; say on ``report`` why that failed. Never returns."""
    output, report = descriptors
    try:
        os.setsid()
        _default_signals()
        empty = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((empty, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        os.chdir(directory)
        die_with_parent()
        if os.getppid() == parent:  # else the runner died before it could be noticed
            os.execve(command[0], command, variables)  # noqa: S606  no shell is what we want
    except OSError as error:
        os.write(report, str(error.errno).encode())
    except ValueError:  # a NUL in an argument or variable
        os.write(report, str(errno.EINVAL).encode())
    finally:
        os._exit(127)


def _default_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in DEFAULT_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
