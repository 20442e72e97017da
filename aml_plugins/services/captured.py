"""What services captured, brought from this machine to a datastore.

A scoring server appends to files ``YYYY-MM-DD-HH-PID-N.jsonl``, opening them for each line. A file is first put aside
by renaming it, so that the next line begins another, and stored at the next look: a line that was being written then is
in it by that time. A file that was stored and not yet removed is stored again under the same name.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.datastores.opening import default_datastore, open_datastore
from aml_plugins.errors import AmlError

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores import Datastore
    from aml_plugins.store.records import ServiceRecord

__all__ = ["FOLDER", "check_capture", "collect", "set_aside"]

logger = logging.getLogger(__name__)

FOLDER = "captured"
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)-(.+)")


def check_capture(context: Context, workspace: str, wanted: bool | str) -> None:  # noqa: FBT001  a setting's value
    """Make sure that there is a datastore to capture to.

    :raises NotFoundError: naming it, where there is none.
    """
    if isinstance(wanted, str):
        open_datastore(context, workspace, wanted)


def collect(context: Context, service: ServiceRecord, directory: Path, *, is_last: bool = False) -> None:
    """Bring what is there to the datastore; where that cannot be reached, it waits here.

    :param directory: of the service; its deployments may have a directory ``state/captured`` each.
    :param is_last: no server writes any more: take all.
    :raises AmlError: with ``is_last``, where the datastore takes nothing now.
    """
    config = service.desired.get("config")
    wanted = config.get("capture") if isinstance(config, Mapping) else None
    waiting = directory / f"{FOLDER}.closed"
    if not wanted and not waiting.exists():
        return
    folders = list(_folders(directory))
    if is_last:
        for folder in folders:
            set_aside(folder, waiting)
    try:
        datastore = _datastore(context, service.workspace, wanted)
        for file in sorted(waiting.glob("*.jsonl")):
            datastore.put(file, _place(service.name, file.name))
            file.unlink()
    except AmlError as error:
        if is_last:
            raise
        logger.warning("What the service '%s' captured cannot be stored now: %s", service.name, error)
    for folder in folders:
        set_aside(folder, waiting)


def set_aside(folder: Path, waiting: Path) -> None:
    """Move a server's files to where they wait for being stored."""
    for file in sorted(folder.glob("*.jsonl")):
        waiting.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            file.rename(waiting / f"{file.stem}-{time.time_ns()}.jsonl")


def _folders(directory: Path) -> Iterator[Path]:
    yield directory / FOLDER
    yield from sorted(directory.glob(f"*/state/{FOLDER}"))


def _datastore(context: Context, workspace: str, wanted: object) -> Datastore:
    if isinstance(wanted, str):
        return open_datastore(context, workspace, wanted)
    return default_datastore(context, workspace)


def _place(service: str, name: str) -> str:
    found = _DAY.fullmatch(name)
    return "/".join(["captured", service, *(found.groups() if found else [name])])
