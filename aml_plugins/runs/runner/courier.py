"""For targets without a file system that both sides see: bring the job's files, run it, send its results.

``runner.pyz`` and this are all that such a target needs. What to bring and where to send it stands in the environment
variable ``AML_COURIER``, as JSON: signed URLs are secrets, and no command line shows them::

    {"fetch": {"job.json": URL, ...},            # what is not there already, by name
     "deliver": {"results.tar": URL, "status.json": URL},   # with PUT, in this order; none where the target does it
     "others": [{"std_log.txt": URL, ...}, ...], # the same of the second node, the third and so on
     "live": URL,                                # append to it what the script logs, while it runs
     "echo": bool}                               # repeat the job's log on standard output

``results.tar`` holds ``outputs/``, ``logs/``, ``uploads/``, ``records.jsonl`` and ``std_log.txt``.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tarfile
import time

from .burial import bury
from .claiming import CANCEL
from .live import Live
from .sending import fetch, send
from .status import TERMINAL, read_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = ["main", "pack"]

ORDERS = "AML_COURIER"
RESULTS = "results.tar"
LOG = "std_log.txt"
_CANNOT_BRING = 74
_TICK_SECONDS = 0.2
_RUN = "import os, sys; sys.path.insert(0, sys.argv[1]); from aml_runner.main import main; os._exit(main(sys.argv[2:]))"


def main(arguments: Sequence[str]) -> int:
    """Run the job of a directory; return an exit code for the target's scheduler."""
    directory = os.path.abspath(arguments[0] if arguments else ".")
    orders = json.loads(os.environ.pop(ORDERS, "") or "{}")
    try:
        _bring(directory, orders.get("fetch") or {})
        live = Live(directory, orders.get("live") if _rank() == 0 else None)
        live.start()
        code = _Journey(directory, echo=bool(orders.get("echo"))).run()
        live.stop()
        pack(directory)
        for name, url in _deliveries(orders).items():
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                send(path, url)
    except OSError as error:
        sys.stderr.write(f"The job's files cannot be brought or sent: {error}\n")
        return _CANNOT_BRING
    return code


def _deliveries(orders: dict[str, Any]) -> dict[str, str]:
    """Of a job with many nodes, the first sends the results."""
    if _rank() == 0:
        return orders.get("deliver") or {}
    others: list[dict[str, Any]] = orders.get("others") or []
    return others[_rank() - 1] if _rank() <= len(others) else {}


def _rank() -> int:
    return int(os.environ.get("AML_NODE_RANK") or 0)


def _bring(directory: str, files: dict[str, str]) -> None:
    os.makedirs(directory, exist_ok=True)
    for name, url in files.items():
        path = os.path.join(directory, os.path.basename(name))
        if not os.path.exists(path):
            fetch(url, path)


class _Journey:
    """The runner as a process of its own: what ends it does not end this one."""

    def __init__(self, directory: str, *, echo: bool) -> None:
        self._directory = directory
        self._shown = 0
        self._echo = echo
        self._process: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_end)

    def run(self) -> int:
        runner = os.path.join(self._directory, "runner.pyz")
        command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", _RUN, runner, self._directory]
        self._process = process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        while process.poll() is None:
            self._show_log()
            time.sleep(_TICK_SECONDS)
        said = read_status(self._directory)
        if said is None or said.get("state") not in TERMINAL:
            bury(self._directory)  # the runner was killed: somebody must say so
        self._show_log()
        return process.returncode if process.returncode >= 0 else 128 - process.returncode

    def _ask_to_end(self, *_: object) -> None:
        """The file is for a runner that has not begun; the signal for one that has."""
        with open(os.path.join(self._directory, CANCEL), "ab"):
            pass
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def _show_log(self) -> None:
        if not self._echo:
            return
        try:
            with open(os.path.join(self._directory, LOG), "rb") as file:
                file.seek(self._shown)
                data = file.read()
        except FileNotFoundError:
            return
        self._shown += len(data)
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def pack(directory: str) -> None:
    """Put all results into one file, whole or not at all."""
    part = os.path.join(directory, f".{RESULTS}.part")
    with tarfile.open(part, "w", dereference=True) as archive:
        for path, name in _results(directory):
            archive.add(path, name, recursive=False)
    os.replace(part, os.path.join(directory, RESULTS))


def _results(directory: str) -> Iterator[tuple[str, str]]:
    work = os.path.join(directory, "work")
    for root, name in ((work, "outputs"), (work, "logs"), (directory, "uploads")):
        boundary = os.path.realpath(root if root == work else os.path.join(root, name))
        yield from _tree(os.path.join(root, name), name, boundary)
    for name in (LOG, "records.jsonl"):
        path = os.path.join(directory, name)
        if _is_file(path):
            yield path, name


def _tree(path: str, name: str, boundary: str, *, follow: bool = True) -> Iterator[tuple[str, str]]:
    """Follow a link that stays inside, and behind it none: circles end. Others, and pipes, stay behind."""
    real = os.path.realpath(path)
    if not (real + os.sep).startswith(boundary + os.sep):
        return
    is_link = os.path.islink(path)
    if is_link and not follow:
        return
    if not os.access(real, os.R_OK):
        return
    if _is_file(real):
        yield real, name
    elif os.path.isdir(real):
        yield real, name
        for entry in _names(real):
            yield from _tree(os.path.join(path, entry), f"{name}/{entry}", boundary, follow=follow and not is_link)


def _names(path: str) -> list[str]:
    """A script may leave a directory behind that nobody may read."""
    try:
        return sorted(os.listdir(path))
    except PermissionError:
        return []


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False
