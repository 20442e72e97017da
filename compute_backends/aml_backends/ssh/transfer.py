"""A job's files on their way: out as one stream, home as one stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aml_backends.ssh.remote.wire import BLOCK, pack
from aml_backends.ssh.session import LostError, Session

__all__ = ["receive_results", "send_job"]

LONGEST_NAME = 4096


async def send_job(
    session: Session, key: str, files: Mapping[str, Path], variables: Mapping[str, str]
) -> dict[str, Any]:
    """Bring a job's files to the machine, those that are missing there, and have it started."""
    sizes = {name: path.stat().st_size for name, path in files.items()}
    message = {"do": "submit", "key": key, "files": sizes, "variables": dict(variables)}
    answer = await session.ask(message)
    if "error" in answer:
        return answer
    for name in answer["want"]:
        await session.send(_blocks(files[name], sizes[name]))
    return await session.read()


async def receive_results(session: Session, key: str, destination: Path) -> dict[str, Any]:
    """Write what an ended job made below ``destination``; return the last answer."""
    await session.send([pack({"do": "fetch", "key": key})])
    made: set[Path] = set()
    while "path" in (answer := await session.read()):
        path = _below(destination, answer["path"])
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        with path.open("wb", buffering=0) as file:
            async for data in session.read_raw(int(answer["size"])):
                file.write(data)
    return answer


def _blocks(path: Path, size: int) -> Iterator[bytes]:
    """Yield exactly what was announced."""
    with path.open("rb") as file:
        while size:
            data = file.read(min(size, BLOCK))
            if not data:
                raise LostError(f"'{path}' became shorter while it was sent")
            size -= len(data)
            yield data


def _below(destination: Path, name: object) -> Path:
    """Return where a file belongs; the machine is not to be trusted with that."""
    parts = name.split("/") if isinstance(name, str) and len(name) <= LONGEST_NAME else [""]
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise LostError("it named a file that would leave the directory for results")
    return destination.joinpath(*parts)
