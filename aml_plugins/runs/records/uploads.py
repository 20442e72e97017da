"""Find the copy of an uploaded file, which a stranger wrote: nothing outside ``uploads/RUN/`` is ever read."""

from __future__ import annotations

import stat
from pathlib import Path

from aml_plugins.runs.records.names import artifact_path

__all__ = ["uploaded_file"]


def uploaded_file(uploads: Path, run_id: str, path: str) -> Path | str:
    """Return the local copy, or what is wrong in words.

    Each step of the way must be a real directory and the end a real file: links are how a path leaves its root.
    """
    clean = artifact_path(path)
    if clean is None:
        return f"the file name {path[:100]!r} is not a relative path inside the run"
    local = uploads / run_id
    for part in clean.split("/"):
        if not _is(local, stat.S_ISDIR):
            return f"the uploaded file {clean!r} did not come home"
        local /= part
    return local if _is(local, stat.S_ISREG) else f"the uploaded file {clean!r} did not come home"


def _is(path: Path, kind: object) -> bool:
    try:
        return bool(kind(path.lstat().st_mode))  # type: ignore[operator]
    except OSError:
        return False
