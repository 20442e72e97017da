"""Snapshots that are in a datastore already."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aml_plugins.compute.job_files import place_files
from aml_plugins.datastores.contract import Datastore
from aml_plugins.errors import NotFoundError
from aml_plugins.runs.run_files import SNAPSHOT_FILE
from aml_plugins.server.serving import Server
from aml_plugins.store.records import SnapshotRecord

__all__ = ["named_copy", "stored_snapshot"]


def stored_snapshot(server: Server, workspace: str, digest: str) -> SnapshotRecord:
    """Return where a snapshot lies.

    :raises NotFoundError: where it was never stored, or was released.
    """
    record = server.store.snapshots.find(workspace, digest)
    if record is None:
        raise NotFoundError(f"There is no snapshot {digest} in workspace '{workspace}'.", "Submit the run again.")
    return record


@contextmanager
def named_copy(datastore: Datastore, path: str, home: Path) -> Iterator[Path]:
    """Yield a file of a datastore under the name that people see; what it is called by us says nothing to them.

    :raises NotFoundError: where the datastore has it no more.
    """
    root = home / "uploads"
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as directory:
        file = Path(directory, SNAPSHOT_FILE)
        local = datastore.local_path(path)
        if local is None:
            datastore.get(path, file)
        elif local.is_file():
            place_files({SNAPSHOT_FILE: local}, file.parent)
        else:
            raise NotFoundError("The snapshot is not in its datastore any more.", "Submit the run again.")
        yield file
