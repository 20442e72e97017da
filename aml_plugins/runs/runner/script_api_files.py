"""The Azure ML v1 API for scripts, as files that any Python finds on ``PYTHONPATH``."""

from __future__ import annotations

import os

from .unpacking import unpack

__all__ = ["script_api"]

_NAME = "script_api"


def script_api(cache: str) -> str | None:
    """Return the API's directory: unpacked from the runner's archive into the cache, once for each version."""
    archive = getattr(__spec__.loader, "archive", None)
    if archive is None:  # run from the source tree
        beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), _NAME)
        return beside if os.path.isdir(beside) else None
    from .version import VERSION  # type: ignore[import-not-found]  # noqa: PLC0415  written when the archive is built

    target = os.path.join(cache, f"{_NAME}-{VERSION}")
    if not os.path.isdir(target):
        _place(archive, target)
    return target


def _place(archive: str, target: str) -> None:
    """Make the directory whole or not at all: another job may do the same now."""
    part = f"{target}.{os.getpid()}"
    os.makedirs(part)
    inner = part + ".zip"
    with open(inner, "wb") as file:
        file.write(__spec__.loader.get_data(os.path.join(archive, _NAME + ".zip")))  # type: ignore[union-attr]  # zip's
    unpack(inner, part, prefix=_NAME + "/")
    os.unlink(inner)
    try:
        os.rename(part, target)
    except OSError:
        import shutil  # noqa: PLC0415  costs milliseconds, once

        shutil.rmtree(part, ignore_errors=True)
        if not os.path.isdir(target):
            raise
