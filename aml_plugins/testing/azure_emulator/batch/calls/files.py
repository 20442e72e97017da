"""Files on nodes, of tasks and of the nodes themselves."""

from __future__ import annotations

import mimetypes
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.calls.answers import listed
from aml_plugins.testing.azure_emulator.batch.errors import BatchProblem
from aml_plugins.testing.azure_emulator.batch.text import http_time, iso
from aml_plugins.testing.azure_emulator.exchange import Answer, Request

__all__ = ["CALLS"]

_RANGE = re.compile(r"bytes=(?P<first>\d+)-(?P<last>\d*)")
_LARGEST = 64 << 20


def list_of_task(account: Account, request: Request) -> Answer:
    root, url = _task_root(account, request)
    return _listed(account, request, root, url)


def list_of_node(account: Account, request: Request) -> Answer:
    root, url = _node_root(account, request)
    return _listed(account, request, root, url)


def get_of_task(account: Account, request: Request) -> Answer:
    return _read(request, *_task_root(account, request))


def get_of_node(account: Account, request: Request) -> Answer:
    return _read(request, *_node_root(account, request))


def head_of_task(account: Account, request: Request) -> Answer:
    return _told(request, *_task_root(account, request))


def head_of_node(account: Account, request: Request) -> Answer:
    return _told(request, *_node_root(account, request))


def delete_of_task(account: Account, request: Request) -> Answer:
    return _deleted(request, _task_root(account, request)[0])


def delete_of_node(account: Account, request: Request) -> Answer:
    return _deleted(request, _node_root(account, request)[0])


def _task_root(account: Account, request: Request) -> tuple[Path, str]:
    task = account.job(request["jobId"]).task(request["taskId"])
    directory = task.directory
    if directory is None or task.state in {"active", "preparing"}:
        raise BatchProblem("TaskFilesUnavailable")
    if not directory.is_dir() and task.state == "completed":
        raise BatchProblem(
            "NodeNotFound" if task.nodes[0].key not in task.nodes[0].pool.nodes else "TaskFilesCleanedup"
        )
    return directory, f"{task.body['url']}/files/"


def _node_root(account: Account, request: Request) -> tuple[Path, str]:
    node = account.pool(request["poolId"]).node(request["nodeId"])
    if not node.root.is_dir():
        raise BatchProblem("OperationNotValidOnNode", Reason=f"The node is {node.state}")
    return node.root, f"{node.body['url']}/files/"


def _listed(account: Account, request: Request, root: Path, url: str) -> Answer:
    recursive = request.query.get("recursive", "").lower() == "true"
    found = [_item(root, path, url) for path in _below(root, recursive=recursive)]
    return listed(account, request, "files", [item for item in found if item], "name")


def _below(root: Path, *, recursive: bool) -> list[Path]:
    """Files come and go while tasks run."""
    try:
        if not recursive:
            return [Path(entry.path) for entry in os.scandir(root)]
        return [Path(folder, name) for folder, folders, names in os.walk(root) for name in (*folders, *names)]
    except FileNotFoundError:
        return []


def _item(root: Path, path: Path, url: str) -> dict[str, Any] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    name = path.relative_to(root).as_posix()
    item: dict[str, Any] = {
        "name": name,
        "url": url + quote(name),
        "isDirectory": stat.S_ISDIR(facts.st_mode),
    }
    if not item["isDirectory"]:
        item["properties"] = {
            "lastModified": iso(facts.st_mtime),
            "contentLength": str(facts.st_size),
            "contentType": _content_type(name),
            "fileMode": f"0o{facts.st_mode:o}",
        }
    return item


def _content_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _file(request: Request, root: Path) -> Path:
    path = Path(os.path.normpath(root / request["filePath"]))
    if not path.is_relative_to(root) or not path.exists():
        raise BatchProblem("FileNotFound")
    return path


def _headers(path: Path, root: Path, url: str) -> dict[str, str]:
    facts = path.stat()
    address = url + path.relative_to(root).as_posix()
    return {
        "Last-Modified": http_time(facts.st_mtime),
        "ocp-batch-file-isdirectory": str(path.is_dir()),
        "ocp-batch-file-mode": f"0o{facts.st_mode:o}",
        "ocp-batch-file-url": quote(address, safe=""),
        "Content-Type": _content_type(path.name),
    }


def _read(request: Request, root: Path, url: str) -> Answer:
    path = _file(request, root)
    if path.is_dir():
        raise BatchProblem("OperationInvalidForCurrentState", Reason="The path is a directory")
    size = path.stat().st_size
    first, last = _span(request.headers.get("ocp-range"), size)
    with path.open("rb") as file:
        file.seek(first)
        content = file.read(last - first)
    return Answer(200, content, _headers(path, root, url))


def _span(header: str | None, size: int) -> tuple[int, int]:
    if not header:
        return 0, min(size, _LARGEST)
    match = _RANGE.fullmatch(header.strip())
    first = int(match["first"]) if match else 0
    last = int(match["last"]) + 1 if match and match["last"] else size
    if match is None or first >= size or last <= first:
        raise BatchProblem("InvalidRange")
    return first, min(last, size)


def _told(request: Request, root: Path, url: str) -> Answer:
    path = _file(request, root)
    return Answer(200, None, _headers(path, root, url) | {"Content-Length": str(path.stat().st_size)})


def _deleted(request: Request, root: Path) -> Answer:
    path = _file(request, root)
    if not path.is_dir():
        path.unlink()
    elif request.query.get("recursive", "").lower() == "true":
        shutil.rmtree(path, ignore_errors=True)
    else:
        raise BatchProblem("OperationInvalidForCurrentState", Reason="The path is a directory")
    return Answer(200)


CALLS = {
    "Tasks_ListTaskFiles": list_of_task,
    "Tasks_GetTaskFile": get_of_task,
    "Tasks_GetTaskFileProperties": head_of_task,
    "Tasks_DeleteTaskFile": delete_of_task,
    "Nodes_ListNodeFiles": list_of_node,
    "Nodes_GetNodeFile": get_of_node,
    "Nodes_GetNodeFileProperties": head_of_node,
    "Nodes_DeleteNodeFile": delete_of_node,
}
