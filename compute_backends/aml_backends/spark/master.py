"""Whether a standalone master of Spark is there."""

from __future__ import annotations

import socket

from aml_plugins.errors import TransientBackendError

__all__ = ["check_master"]

_STANDALONE = "spark://"
_SECONDS = 5.0


def check_master(master: str) -> None:
    """Connect to a standalone master, ``spark://HOST:PORT[,HOST:PORT...]``: one of several has to answer.

    Of other masters there is nothing to connect to before a job: ``local`` is no process, and YARN's place is in files.

    :raises TransientBackendError: where none answers.
    """
    if not master.startswith(_STANDALONE):
        return
    places = master.removeprefix(_STANDALONE).split(",")
    if not any(_answers(place) for place in places):
        raise TransientBackendError(
            f"No Spark master answers at {master}.", "Start it (start-master.sh), or correct the target's master."
        )


def _answers(place: str) -> bool:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
