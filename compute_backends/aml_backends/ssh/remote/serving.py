"""Answer questions until the other side leaves."""

from __future__ import annotations

import errno
import os
import shutil
import sys

from .jobs import Jobs, MissingJobError
from .placements import Placements
from .reboots import boot_id
from .receiving import receive_and_start
from .results import send_results
from .slots import Slots
from .wire import Wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def main(directory: str, scope: str) -> None:
    """Serve one compute target's jobs.

    :param directory: of everything of ours on this machine; ``scope`` is the part of it that has the target's jobs.
    """
    root = os.path.abspath(os.path.expanduser(directory))
    wire = Wire(sys.stdin.buffer, sys.stdout.buffer)
    server = _Server(wire, root, Jobs(os.path.join(root, "jobs", *scope.split("/"))))
    wire.ready()
    try:
        while True:
            message = wire.read()
            if message is None:
                return
            server.answer(message)
    except (EOFError, BrokenPipeError):  # the connection was cut; whoever asked comes again
        return


class _Server:
    def __init__(self, wire: Wire, root: str, jobs: Jobs) -> None:
        self._wire = wire
        self._root = root
        self._jobs = jobs
        self._slots = Slots(jobs.root, jobs.running)
        self._placements = Placements(jobs.root)

    def answer(self, message: dict[str, Any]) -> None:
        try:
            answer = getattr(self, "_do_" + message["do"])(message)
        except MissingJobError:
            answer = {"error": "missing"}
        except OSError as error:
            kind = "full" if error.errno in _FULL else "system"
            answer = {"error": kind, "what": error.strerror or str(error), "path": str(error.filename or self._root)}
        if answer is not None:
            self._wire.write(answer)

    def _do_submit(self, message: dict[str, Any]) -> dict[str, Any]:
        path = self._jobs.path(message["key"])
        receive_and_start(self._wire, path, message, os.path.join(self._root, "environments"))
        self._slots.unreserve(message["key"])
        return {}

    def _do_find(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"found": os.path.isdir(self._jobs.path(message["key"]))}

    def _do_statuses(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"statuses": [self._jobs.status(key) for key in message["keys"]]}

    def _do_tail(self, message: dict[str, Any]) -> None:
        data, offset = self._jobs.tail(message["key"], message["name"], message["offset"], lines=message["lines"])
        self._wire.announce({"size": len(data), "offset": offset})
        self._wire.write_raw(data)
        self._wire.write({})

    def _do_cancel(self, message: dict[str, Any]) -> dict[str, Any]:
        self._jobs.cancel(message["key"])
        return {}

    def _do_cleanup(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"done": self._jobs.cleanup(message["key"])}

    def _do_fetch(self, message: dict[str, Any]) -> None:
        send_results(self._wire, self._jobs.existing(message["key"]))

    def _do_list(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"keys": self._jobs.keys()}

    def _do_load(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"active": self._slots.taken()}

    def _do_reserve(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"reserved": self._slots.reserve(self._jobs.checked(message["key"]), message["slots"])}

    def _do_unreserve(self, message: dict[str, Any]) -> dict[str, Any]:
        self._slots.unreserve(self._jobs.checked(message["key"]))
        return {}

    def _do_place(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"host": self._placements.place(self._jobs.checked(message["key"]), message.get("host"))}

    def _do_unplace(self, message: dict[str, Any]) -> dict[str, Any]:
        self._placements.unplace(self._jobs.checked(message["key"]))
        return {}

    def _do_check(self, _: dict[str, Any]) -> dict[str, Any]:
        os.makedirs(self._root, mode=0o700, exist_ok=True)
        if not os.access(self._root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), self._root)
        return {
            "python": "%d.%d.%d" % sys.version_info[:3],
            "free": shutil.disk_usage(self._root).free,
            "active": self._slots.taken(),
            "processors": os.cpu_count() or 1,
            "boot": boot_id(),
        }
