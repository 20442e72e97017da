"""``aml compute gc``: list or delete what nobody needs, target by target."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aml_plugins.errors import AmlError, InvalidInputError, NotYetDoneError
from aml_plugins.runs.orphans import Orphan, find_orphans

if TYPE_CHECKING:
    from aml_plugins.compute.backend import ComputeBackend
    from aml_plugins.workspace import Workspace

__all__ = ["collect_orphans"]

DELETE_SECONDS = 60.0


def collect_orphans(opened: Workspace, names: Sequence[str], *, delete: bool) -> list[dict[str, str]]:
    """Return one row an orphan, and one a target that cannot be asked; delete what is found where that is wanted."""
    rows: list[dict[str, str]] = []
    for name in names:
        try:
            orphans = find_orphans(opened.context, opened.name, name)
        except InvalidInputError:
            raise
        except AmlError as error:
            rows.append({"target": name, "job": "", "reason": str(error), "state": "not asked"})
            continue
        backend = opened.context.backends.get(opened.name, name)
        rows += [_row(orphan, _delete(backend, orphan) if delete else "found") for orphan in orphans or ()]
    return rows


def _row(orphan: Orphan, state: str) -> dict[str, str]:
    return {"target": orphan.target, "job": orphan.handle.job_id, "reason": orphan.reason, "state": state}


def _delete(backend: ComputeBackend, orphan: Orphan) -> str:
    until = time.monotonic() + DELETE_SECONDS
    while True:
        try:
            backend.cleanup(orphan.handle)
        except NotYetDoneError as error:
            if time.monotonic() > until:
                return str(error)
            time.sleep(0.2)
        except AmlError as error:
            return str(error)
        else:
            return "deleted"
