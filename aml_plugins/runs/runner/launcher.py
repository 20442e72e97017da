"""A process that has the runner loaded and forks one for each request: starting Python costs more than all the rest.

Started as ``python runner.pyz`` is, with the number of a socket in place of the directory. It lives as long as the
other end of the socket, which belongs to the process that submits; runners that it started go on without it. A request
is four bytes (its length, the highest first) and as many of JSON, ``{"directory": str, "variables": {str: str}}``; the
answer is one byte, sent when the runner is there.
"""

from __future__ import annotations

import gc
import os
import sys

from .json_text import loads
from .main import LOG
from .main import main as run
from .processes import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STARTED", "main"]

STARTED = b"+"
_LENGTH = 4


def main(arguments: Sequence[str]) -> int:
    """Start runners until nobody asks any more."""
    connection = int(arguments[0])
    _load_what_every_runner_needs()
    if hasattr(gc, "freeze"):
        gc.freeze()  # a runner that tidied up would write to all that it shares with us, and copy it first
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are nobody's to count
    variables = dict(os.environ)
    while True:
        request = _receive(connection)
        if request is None:
            return 0
        wanted = loads(request.decode())
        _take_on(wanted["variables"], variables)
        variables = wanted["variables"]
        if os.fork() == 0:
            _become_runner(wanted["directory"], connection)
        os.write(connection, STARTED)


def _receive(connection: int) -> bytes | None:
    header = _read(connection, _LENGTH)
    return None if len(header) < _LENGTH else _read(connection, int.from_bytes(header, "big"))


def _read(connection: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = os.read(connection, size - len(found))
        if not piece:
            return b""
        found += piece
    return found


def _become_runner(directory: str, connection: int) -> None:
    """Be what ``python runner.pyz DIRECTORY`` would have been. Never returns."""
    code = 1
    try:
        os.close(connection)
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(os.path.join(directory, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.chdir(directory)
        code = run([directory])
    except BaseException:  # noqa: BLE001  as Python itself ends a program, but never in the caller's loop
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _take_on(variables: dict[str, str], before: dict[str, str]) -> None:
    """Have these variables and no others. Most are those of the runner before; a runner gets them with the fork."""
    for name in before.keys() - variables.keys():
        del os.environ[name]
    for name, value in variables.items() - before.items():
        os.environ[name] = value


def _load_what_every_runner_needs() -> None:
    """Import what the runner imports late; all of it is optional there, too."""
    for name in ("_ctypes", "_sha256", "_sha2", f"{__package__}.version"):
        try:
            __import__(name)
        except ImportError:
            continue
