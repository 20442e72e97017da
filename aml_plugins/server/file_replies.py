"""Files that go out: to be saved, never to be shown, since a stranger may have written them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

__all__ = ["file_reply", "reply_of_made_file"]


def file_reply(file: Path, afterwards: BackgroundTask | None = None) -> FileResponse:
    """Return a file that is on this machine."""
    return FileResponse(
        file,
        media_type="application/octet-stream",
        filename=file.name,
        content_disposition_type="attachment",
        background=afterwards,
    )


def reply_of_made_file(make: Callable[[Path], Path]) -> FileResponse:
    """Return a file that has to be fetched or made first, and is deleted once it was sent.

    :param make: makes it below the directory that it gets.
    """
    directory = Path(tempfile.mkdtemp(prefix="aml-served-"))
    try:
        file = make(directory)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return file_reply(file, BackgroundTask(shutil.rmtree, directory, ignore_errors=True))
