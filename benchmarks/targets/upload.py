"""A snapshot on its way to a blob container: against a parallel upload, file by file, as azcopy makes it.

azcopy sends each file by itself, many at a time, and a large one in blocks; so does the SDK here, with as many at a
time. It neither hashes nor compresses, and what it leaves is a folder, not one archive that can be checked.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from azure.storage.blob import ContainerClient
from services.azurite import find_program, running_azurite

from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore
from aml_plugins.runs.snapshot import take_snapshot

__all__ = ["upload_contenders"]

Contender = Callable[[], tuple[float, ...]]
AT_A_TIME = 32
"""azcopy's own: 16 times the processors, between 32 and 300."""
BLOCKS_AT_A_TIME = 4


@contextmanager
def upload_contenders(scratch: Path, folders: dict[str, Path]) -> Iterator[Iterator[tuple[str, dict[str, Contender]]]]:
    program = find_program()
    assert program is not None, "Azurite is missing. Run: tools/azurite install"
    with running_azurite(program) as azurite:
        os.environ["STORAGE_KEY"] = azurite.key
        name = azurite.create_container()
        config = BlobConfig(account_url=azurite.url, container=name, account_key="secret://env/STORAGE_KEY")
        with ContainerClient.from_connection_string(azurite.connection_string, name) as container:
            yield (
                (
                    f"{title}: to a blob container",
                    _contenders(BlobDatastore("blobs", config), container, scratch, folder),
                )
                for title, folder in folders.items()
            )


def _contenders(store: BlobDatastore, container: ContainerClient, scratch: Path, folder: Path) -> dict[str, Contender]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())

    def parallel() -> tuple[float, ...]:
        prefix, begun = uuid.uuid4().hex, time.time()

        def send(file: Path) -> None:
            with file.open("rb") as content:
                container.upload_blob(f"{prefix}/{file.relative_to(folder)}", content, max_concurrency=BLOCKS_AT_A_TIME)

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            list(pool.map(send, files))
        return (time.time() - begun,)

    def first() -> tuple[float, ...]:
        shutil.rmtree(scratch / "snapshots", ignore_errors=True)
        return _ours(store, scratch, folder)

    return {
        f"parallel upload, {AT_A_TIME} files at a time": parallel,
        "AML Plugins: snapshot, sent": first,
        "AML Plugins: of a directory without changes": lambda: _again(store, scratch, folder),
    }


def _ours(store: BlobDatastore, scratch: Path, folder: Path) -> tuple[float, ...]:
    begun = time.time()
    snapshot = take_snapshot(folder, cache=scratch / "snapshots")
    store.put(snapshot.path, f"snapshots/{uuid.uuid4().hex}.zip")
    return (time.time() - begun,)


def _again(store: BlobDatastore, scratch: Path, folder: Path) -> tuple[float, ...]:
    """The name says what is in it, so that there is nothing to send."""
    digest = take_snapshot(folder, cache=scratch / "snapshots").digest
    path = f"snapshots/{digest}.zip"
    if not store.exists(path):
        store.put(take_snapshot(folder, cache=scratch / "snapshots").path, path)
    begun = time.time()
    snapshot = take_snapshot(folder, cache=scratch / "snapshots")
    assert store.exists(f"snapshots/{snapshot.digest}.zip")
    return (time.time() - begun,)
