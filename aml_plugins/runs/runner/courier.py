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

import os
import select
import stat
import sys

from .burial import bury
from .children import exit_code_of
from .claiming import CANCEL
from .json_text import loads
from .main import main as become_runner
from .processes import kill, signal
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
_ECHO_SECONDS = 0.2
_PATIENCE_SECONDS = 60.0


def main(arguments: Sequence[str]) -> int:
    """Run the job of a directory; return an exit code for the target's scheduler."""
    directory = os.path.abspath(arguments[0] if arguments else ".")
    orders = loads(os.environ.pop(ORDERS, "") or "{}")
    try:
        _bring(directory, orders.get("fetch") or {})
        code = _run(directory, orders)
        pack(directory)
        _deliver(directory, _deliveries(orders))
    except OSError as error:
        sys.stderr.write(f"The job's files cannot be brought or sent: {error}\n")
        return _CANNOT_BRING
    return code


def _run(directory: str, orders: dict[str, Any]) -> int:
    journey = _Journey(directory, echo=bool(orders.get("echo")))
    journey.start()
    if not orders.get("live") or _rank() != 0:
        return journey.wait()
    from .live import Live  # noqa: PLC0415  HTTP takes longer to load than the runner

    live = Live(directory, orders["live"])
    live.start()
    code = journey.wait()
    live.stop()
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
    places = {os.path.join(directory, os.path.basename(name)): url for name, url in files.items()}
    missing = [(url, path) for path, url in places.items() if not os.path.exists(path)]
    if missing:
        from .sending import at_once, fetch  # noqa: PLC0415  as above

        at_once(fetch, missing)


def _deliver(directory: str, places: dict[str, str]) -> None:
    """Send what there is, the status last: whoever sees it finds all else."""
    found = [(os.path.join(directory, name), url) for name, url in places.items()]
    there = [(path, url) for path, url in found if os.path.isfile(path)]
    if there:
        from .sending import at_once, send  # noqa: PLC0415  as above

        at_once(send, there[:-1])
        send(*there[-1])


class _Journey:
    """The runner as a process of its own: what ends it does not end this one.

    It is forked: starting another Python would cost more than all that a runner does.
    """

    def __init__(self, directory: str, *, echo: bool) -> None:
        self._directory = directory
        self._shown = 0
        self._echo = echo
        self._runner: int | None = None
        self._wake, write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its byte in the pipe ends a wait
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_end)

    def start(self) -> None:
        """Start the runner, before there is any thread."""
        pid = os.fork()
        if pid == 0:
            _become_runner(self._directory)
        self._runner = pid

    def wait(self) -> int:
        """Wait for the runner's end and see to it that somebody says how the job ended; return its exit code."""
        wait_status = self._wait_status()
        while wait_status is None:
            self._show_log()
            select.select([self._wake], [], [], _ECHO_SECONDS if self._echo else _PATIENCE_SECONDS)
            self._sleep_no_longer()
            wait_status = self._wait_status()
        said = read_status(self._directory)
        if said is None or said.get("state") not in TERMINAL:
            bury(self._directory)  # the runner was killed: somebody must say so
        self._show_log()
        code = exit_code_of(wait_status)
        return code if code >= 0 else 128 - code

    def _wait_status(self) -> int | None:
        assert self._runner is not None  # noqa: S101  started before it is waited for
        pid, wait_status = os.waitpid(self._runner, os.WNOHANG)
        if pid == 0:
            return None
        self._runner = None  # its number may be another's by now
        return wait_status

    def _sleep_no_longer(self) -> None:
        try:
            os.read(self._wake, 4096)
        except BlockingIOError:
            return

    def _ask_to_end(self, *_: object) -> None:
        """The file is for a runner that has not begun; the signal for one that has."""
        with open(os.path.join(self._directory, CANCEL), "ab"):
            pass
        if self._runner is not None:
            kill(self._runner, signal.SIGTERM)

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


def _become_runner(directory: str) -> None:
    """Be what ``python runner.pyz DIRECTORY`` would have been. Never returns."""
    code = 1
    try:
        empty = os.open(os.devnull, os.O_RDONLY)
        os.dup2(empty, 0)
        os.close(empty)
        code = become_runner([directory])
    except BaseException:  # noqa: BLE001  as Python itself ends a program
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def pack(directory: str) -> None:
    """Put all results into one file, whole or not at all."""
    import tarfile  # noqa: PLC0415  while the script starts, nobody needs it

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
