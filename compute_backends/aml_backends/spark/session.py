"""The session that a job has on a Spark Connect server: noted before the job starts, ended after it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from aml_backends.spark.address import check_address, for_job
from aml_backends.spark.connect import check_client, end_session
from aml_plugins.compute import JobSpec
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.errors import AmlError, InvalidInputError, NotYetDoneError, TransientBackendError

__all__ = ["REACHING_SECONDS", "check_client_run", "has_session", "leave_session", "note_session"]

logger = logging.getLogger(__name__)

REACHING_SECONDS = 20.0
"""How long after a job's end its server is tried. Spark itself ends what has had no client for five minutes."""

_NOTE = "spark-remote"
"""File of the job's directory: the address with the job's session, without a token."""


def check_client_run(spec: JobSpec, remote: str) -> None:
    """Refuse what only a server could heed: silence would mean that it was heeded.

    :raises InvalidInputError: with what to do instead.
    """
    check_client()
    try:
        check_address(remote)
    except ValueError as error:
        raise InvalidInputError(f"spark.remote of the run configuration {error}.", "Correct it.") from None
    for name, value in (spec.spark or {}).items():
        if value and name not in {"remote", "name"} and (name, value) != ("deploy_mode", "client"):
            raise InvalidInputError(
                f"The run is a client of Spark Connect, which heeds no spark.{name} of a run configuration.",
                "Set it on the server, or in the script: SparkSession.builder.config(…), addArtifacts(…).",
            )


def note_session(remote: str, directory: Path) -> str:
    """Write down, before the job in ``directory`` starts, which session it will have; return its address."""
    session = for_job(remote, directory.name)
    (directory / _NOTE).write_text(session, encoding="utf-8")
    return session


def has_session(directory: RunnerDirectory) -> bool:
    """Say whether the job is a client of Spark Connect."""
    return (directory.path / _NOTE).is_file()


def leave_session(directory: RunnerDirectory, token: Callable[[str], str | None], waited: float) -> None:
    """Have the server end what an ended job left there, unless it could not be reached for a while.

    :param token: returns the token for the server of an address.
    :param waited: seconds since it was first tried.
    :raises NotYetDoneError: where the server is to be tried again.
    """
    session = (directory.path / _NOTE).read_text(encoding="utf-8")
    try:
        end_session(session, token(session))
    except AmlError as error:  # a secret without its value, too: the run has ended, whoever cannot tell the server
        if isinstance(error, TransientBackendError) and waited < REACHING_SECONDS:
            raise NotYetDoneError(str(error), "Clean up again later.") from None
        logger.warning("The session of job %s is left to its server: %s", directory.path.name, error)
