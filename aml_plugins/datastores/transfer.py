"""Move files and whole directories between this machine and a datastore: in parallel, and on from where it stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.abilities import SupportsProgress
from aml_plugins.datastores.listing import no_such_file
from aml_plugins.datastores.paths import inside, relative_path
from aml_plugins.datastores.resuming import sha256_of
from aml_plugins.datastores.whole_files import PART_PREFIX
from aml_plugins.errors import AlreadyExistsError, NotFoundError

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore, FileFacts

__all__ = ["Transfer", "download", "upload"]

Progress = Callable[["Transfer"], None]


@dataclass(frozen=True, slots=True)
class Transfer:
    """How far a transfer is. Bytes count as done, too, where they did not have to be sent again."""

    files: int
    bytes: int
    files_done: int = 0
    bytes_done: int = 0


@dataclass(frozen=True, slots=True)
class _Item:
    """One file to move."""

    local: Path
    path: str
    size: int


def upload(
    datastore: Datastore, local: Path, path: str, *, overwrite: bool, parallel: int, progress: Progress | None
) -> Transfer:
    """See :meth:`Datastore.upload`."""
    items = _to_upload(local, path)
    if not overwrite:
        _refuse_others(datastore, items)

    def move(item: _Item, done: Callable[[int], None]) -> None:
        if isinstance(datastore, SupportsProgress):
            datastore.send(item.local, item.path, done)
        elif not _is_stored(datastore, item):
            datastore.put(item.local, item.path)

    return _move_all(items, move, parallel, progress)


def download(datastore: Datastore, path: str, local: Path, *, parallel: int, progress: Progress | None) -> Transfer:
    """See :meth:`Datastore.download`."""
    items = _to_download(datastore, path, local)

    def move(item: _Item, done: Callable[[int], None]) -> None:
        if _is_here(datastore, item):
            return
        if isinstance(datastore, SupportsProgress):
            datastore.receive(item.path, item.local, done)
        else:
            item.local.parent.mkdir(parents=True, exist_ok=True)
            datastore.get(item.path, item.local)

    return _move_all(items, move, parallel, progress)


def _to_upload(local: Path, path: str) -> Sequence[_Item]:
    if local.is_dir():
        folder = f"{relative_path(path.rstrip('/'))}/" if path else ""
        found: Iterator[tuple[Path, str]] = (
            (file, f"{folder}{file.relative_to(local).as_posix()}") for file in _files(local)
        )
    elif local.is_file():
        found = iter([(local, path + local.name if not path or path.endswith("/") else path)])
    else:
        raise NotFoundError(f"There is no file or directory '{local}'.", "Only these can be uploaded.")
    return [_Item(file, relative_path(target).as_posix(), file.stat().st_size) for file, target in found]


def _files(directory: Path) -> Iterator[Path]:
    """Yield regular files; links that leave the directory, special files and half-written ones stay behind."""
    root = directory.resolve()
    for folder, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            file = Path(folder, name)
            real = file.resolve()
            if real.is_relative_to(root) and real.is_file() and not name.startswith(PART_PREFIX):
                yield file


def _to_download(datastore: Datastore, path: str, local: Path) -> Sequence[_Item]:
    if path and datastore.exists(path):
        target = local / path.rpartition("/")[2] if local.is_dir() else local
        return [_Item(target, path, datastore.facts(path).size)]
    cut = len(f"{path}/") if path else 0
    items = [_Item(inside(local, found[cut:]), found, size) for found, size in datastore.list(path)]
    if not items and path:
        error = no_such_file(datastore, path)
        raise NotFoundError(error.what.replace("no file", "neither a file nor a folder"), error.fix)
    return items


def _refuse_others(datastore: Datastore, items: Sequence[_Item]) -> None:
    for item in items:
        if datastore.exists(item.path) and not _is_stored(datastore, item):
            raise AlreadyExistsError(
                f"'{item.path}' is in the datastore '{datastore.name}' already, with other content.",
                "Use another path, or allow to overwrite.",
            )


def _is_stored(datastore: Datastore, item: _Item) -> bool:
    """Say whether the datastore has this content; False where it cannot tell."""
    try:
        facts = datastore.facts(item.path)
    except NotFoundError:
        return False
    return _is_same(facts, item.local)


def _is_here(datastore: Datastore, item: _Item) -> bool:
    return item.local.is_file() and _is_same(datastore.facts(item.path), item.local)


def _is_same(facts: FileFacts, local: Path) -> bool:
    return facts.sha256 is not None and facts.size == local.stat().st_size and facts.sha256 == sha256_of(local)


class _Meter:
    """Counts for several threads, and tells one at a time."""

    def __init__(self, items: Sequence[_Item], tell: Progress | None) -> None:
        self.state = Transfer(len(items), sum(item.size for item in items))
        self._tell = tell
        self._lock = threading.Lock()

    def add(self, *, files: int = 0, size: int = 0) -> None:
        with self._lock:
            state = self.state
            self.state = replace(state, files_done=state.files_done + files, bytes_done=state.bytes_done + size)
            if self._tell is not None:
                self._tell(self.state)


def _move_all(
    items: Sequence[_Item],
    move: Callable[[_Item, Callable[[int], None]], None],
    parallel: int,
    progress: Progress | None,
) -> Transfer:
    """Move all; after the first failure, what has not begun is left for the next try."""
    meter = _Meter(items, progress)

    def one(item: _Item) -> None:
        counted = 0

        def done(size: int) -> None:
            nonlocal counted
            counted += size
            meter.add(size=size)

        move(item, done)
        meter.add(files=1, size=item.size - counted)

    with ThreadPoolExecutor(max(1, parallel), thread_name_prefix="aml-transfer") as pool:
        futures = [pool.submit(one, item) for item in items]
        wait(futures, return_when=FIRST_EXCEPTION)
        failed = next((error for future in futures if future.done() and (error := future.exception())), None)
        if failed is not None:
            pool.shutdown(wait=True, cancel_futures=True)
            raise failed
    return meter.state
