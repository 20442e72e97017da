"""``status.json``: what the outside world sees."""

from __future__ import annotations

import os
import time

from .claiming import LOCK, script_of
from .errors import disk_is_full
from .json_text import dumps, loads
from .reading import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["TERMINAL", "Status", "read_status"]

NAME = "status.json"
RESERVE = "reserve"
HEARTBEAT_SECONDS = 5.0
FIRST_WORD_SECONDS = 0.1
TERMINAL = frozenset({"succeeded", "failed", "cancelled"})


class Status:
    """The runner's view of the job, written whole at each change."""

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, NAME)
        self._reserve = os.path.join(directory, RESERVE)
        self._beaten = 0.0
        self._is_out = False
        self.values: dict[str, Any] = {
            "version": 1,
            "state": "preparing",
            "pid": os.getpid(),
            "script_pid": None,
            "script_birth": None,
            "heartbeat": 0.0,
            "started_at": None,
            "finished_at": None,
            "exit_code": None,
            "reason": None,
            "environment": None,
        }

    def begin(self) -> None:
        """Keep a little of the disk for the last word: the script may fill the rest.

        The first word waits for a moment, in which most scripts have started and there is more to say; of a script that
        has ended by then, the last word is the only one.
        """
        self._beaten = time.monotonic() - HEARTBEAT_SECONDS + FIRST_WORD_SECONDS
        descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            os.write(descriptor, b"\0" * 8192)
        finally:
            os.close(descriptor)

    @property
    def seconds_to_beat(self) -> float:
        """How long :meth:`beat` will have nothing to do."""
        return self._beaten + HEARTBEAT_SECONDS - time.monotonic()

    def write(self, **changes: Any) -> None:
        """Change some values and publish all of them."""
        self._change(changes)
        self._publish(self._path + ".part", os.O_CREAT | os.O_TRUNC)

    def note(self, **changes: Any) -> None:
        """Change some values, and publish them unless the first word still waits: it will have them, too."""
        if self._is_out:
            self.write(**changes)
        else:
            self.values.update(changes)

    def beat(self) -> None:
        """Show that the runner is alive, now and then; a full disk does not end a script that lives with it."""
        if self.seconds_to_beat > 0:
            return
        try:
            self.write()
        except OSError as error:
            if not disk_is_full(error):
                raise

    def finish(self, state: str, **changes: Any) -> None:
        """Say how it ended, in the file that has space where the disk has none."""
        self._change(dict(changes, state=state, finished_at=time.time()))
        try:
            self._publish(self._reserve, 0)
        except FileNotFoundError:  # nobody kept any: no runner has begun
            self.write()
        except OSError as error:  # a file system that writes elsewhere what is written again
            if not disk_is_full(error):
                raise
            os.unlink(self._reserve)
            self.write()

    def _change(self, changes: dict[str, Any]) -> None:
        self.values.update(changes, heartbeat=time.time())
        self._beaten = time.monotonic()
        self._is_out = True

    def _publish(self, part: str, flags: int) -> None:
        """Write all values into another file, then put it in the place of the one that is read."""
        content = dumps(self.values).encode()
        descriptor = os.open(part, os.O_WRONLY | flags, 0o666)
        try:
            os.write(descriptor, content)
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)
        os.replace(part, self._path)


def read_status(directory: str) -> dict[str, Any] | None:
    """Return what the runner last said, None before its first word.

    While that waits, the lock tells of a script that has started.
    """
    try:
        value = loads(read_file(os.path.join(directory, NAME)).decode())
    except FileNotFoundError:
        return _of_script(directory)
    return value if isinstance(value, dict) else None


def _of_script(directory: str) -> dict[str, Any] | None:
    script = script_of(directory)
    if script is None:
        return None
    try:
        started_at = os.path.getmtime(os.path.join(directory, LOCK))
    except FileNotFoundError:  # deleted meanwhile
        return None
    return {"state": "running", "script_pid": script[0], "script_birth": script[1], "started_at": started_at}
