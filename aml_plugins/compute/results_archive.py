"""``results.tar``, in which a job's outputs, logs and records come home."""

from __future__ import annotations

import tarfile
from pathlib import Path

from aml_plugins.errors import BackendError

__all__ = ["unpack_results"]


def unpack_results(archive: Path, destination: Path) -> None:
    """Unpack ``results.tar``: it comes from a script, so nothing leaves ``destination``, and no link is made.

    :raises BackendError: where it is no such archive.
    """
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isreg() or member.isdir():
                    tar.extract(member, destination, filter="data")
    except (tarfile.TarError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BackendError(f"The results of the job are damaged: {error}.") from None
    log = destination / "std_log.txt"
    if log.is_file():
        (destination / "logs").mkdir(exist_ok=True)
        log.replace(destination / "logs" / "std_log.txt")
