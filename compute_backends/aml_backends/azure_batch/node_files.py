"""A task's files on its node: its log while it runs, and everything where nothing was sent home."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path, PurePosixPath

from aml_backends.azure_batch.api import BatchApi, RefusedError
from aml_backends.azure_batch.instances import MOST_NODES, RANK
from aml_plugins.compute.other_nodes import log_of

__all__ = ["bring_from_node", "bring_other_logs", "read_from"]

CHUNK_BYTES = 1 << 20
_PIECE = 16 << 20
_NOTHING_YET = frozenset(
    {"FileNotFound", "InvalidRange", "TaskFilesUnavailable", "TaskFilesCleanedup", "NodeNotFound",
     "OperationNotValidOnNode", "ResourceNotFound"}
)  # fmt: skip
_GONE = frozenset({"TaskNotFound", "JobNotFound"})
_HOMES = {"wd/work/outputs/": "outputs/", "wd/work/logs/": "logs/", "wd/uploads/": "uploads/"}
_FILES = {"wd/std_log.txt": "logs/std_log.txt", "wd/records.jsonl": "records.jsonl"}


def read_from(api: BatchApi, job: str, task: str, name: str, first: int) -> bytes:
    """Return what a growing file has from ``first``; nothing where there is no file, or no node, any more.

    :raises RefusedError: where there is no such task.
    """
    try:
        return api.read_file(job, task, f"wd/{name}", first, CHUNK_BYTES)
    except RefusedError as error:
        if error.reason not in _NOTHING_YET:
            raise
        return b""


def bring_from_node(api: BatchApi, job: str, task: str, destination: Path) -> None:
    """Bring what a task left on its node that was ended from outside; as much as is there."""
    try:
        for file in api.list_files(job, task):
            home = None if file.get("isDirectory") else _home(str(file["name"]))
            if home is not None:
                _copy(partial(api.read_file, job, task, str(file["name"])), destination / home)
    except RefusedError as error:
        if error.reason not in _NOTHING_YET | _GONE:
            raise


def bring_other_logs(api: BatchApi, job: str, task: str, destination: Path, known: Collection[int]) -> None:
    """Bring the logs of a run's nodes besides the first from there, but those that are known; as much as is there."""
    try:
        nodes = [subtask.get("nodeInfo") or {} for subtask in api.list_subtasks(job, task)]
    except RefusedError as error:
        if error.reason not in _GONE:
            raise
        return
    for node in nodes:
        read = partial(api.read_node_file, str(node.get("poolId")), str(node.get("nodeId")))
        _bring_log(read, f"{node.get('taskRootDirectory')}/wd", destination, known)


def _bring_log(
    read: Callable[[str, int, int], bytes], directory: str, destination: Path, known: Collection[int]
) -> None:
    try:
        said = read(f"{directory}/{RANK}", 0, CHUNK_BYTES)  # scripts may write there
        rank = next((rank for rank in range(1, MOST_NODES) if str(rank).encode() == said), None)
        if rank is not None and rank not in known:
            _copy(partial(read, f"{directory}/std_log.txt"), destination / log_of(rank))
    except RefusedError as error:
        if error.reason not in _NOTHING_YET:
            raise


def _home(name: str) -> str | None:
    """Return where a file belongs; a name with steps upwards has none."""
    if ".." in PurePosixPath(name).parts:
        return None
    if name in _FILES:
        return _FILES[name]
    return next((home + name[len(start) :] for start, home in _HOMES.items() if name.startswith(start)), None)


def _copy(read: Callable[[int, int], bytes], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        while True:
            try:
                data = read(file.tell(), _PIECE)
            except RefusedError as error:
                if error.reason != "InvalidRange":
                    raise
                return
            file.write(data)
            if len(data) < _PIECE:
                return
