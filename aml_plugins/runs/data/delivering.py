"""Store what a script wrote as its outputs in datastores, once it has completed."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import open_datastore
from aml_plugins.runs.data.bringing import keeping
from aml_plugins.runs.reconciliation.step import Step, configuration

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["deliver_data"]

FOLDER = "aml-data"


def deliver_data(step: Step, run: RunRecord, uploads: Path) -> list[str]:
    """Store the outputs below ``uploads/aml-data`` and say what was stored, one sentence each. Safe to repeat.

    :raises AlreadyExistsError: where a file of another content is in the way and may not be replaced.
    """
    told = []
    for name, reference in configuration(run).data.items():
        local = uploads / FOLDER / name
        if reference.mode != "upload" or not _is_directory(uploads / FOLDER) or not _is_directory(local):
            continue
        datastore = open_datastore(step.context, run.workspace, reference.datastore)
        path = reference.path.strip("/")
        stored = datastore.upload(local, path, overwrite=reference.overwrite, progress=keeping(step, run))
        told.append(f"Stored {stored.files} files of '{name}' in the datastore '{datastore.name}' at '{path}'.")
    return told


def _is_directory(path: Path) -> bool:
    """A script must not be able to have something else published by a link in its place."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
