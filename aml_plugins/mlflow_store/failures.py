"""MLflow's errors as ours, and ours as MLflow's."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aml_plugins.errors import (
    AlreadyExistsError,
    AmlError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    StoreError,
    StoreSchemaError,
)
from aml_plugins.store.sql.failures import locked

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

__all__ = ["ours", "to_mlflow"]

_OURS: dict[str, tuple[type[AmlError], str]] = {
    "RESOURCE_DOES_NOT_EXIST": (NotFoundError, "Check the name and the workspace."),
    "RESOURCE_ALREADY_EXISTS": (AlreadyExistsError, "Choose another name."),
    "INVALID_PARAMETER_VALUE": (InvalidInputError, "Correct the value."),
    "INVALID_STATE": (InvalidInputError, ""),  # MLflow's sentences and ours say what to do
    "PERMISSION_DENIED": (PermissionDeniedError, "Ask an owner of the workspace for a role."),
    "TEMPORARILY_UNAVAILABLE": (StoreError, "Try again."),
}
_LONGEST = 500
_LOCKED = "database is locked"
_OTHER_SCHEMA = re.compile(r"out-of-date database schema \(found version (\w+)")


@contextmanager
def ours() -> Iterator[None]:
    """Raise what MLflow raises as errors of this project; MLflow is not imported for that alone."""
    try:
        yield
    except Exception as error:
        theirs = sys.modules.get("mlflow.exceptions")
        if theirs is None or not isinstance(error, theirs.MlflowException):
            raise
        raise _as_ours(error) from error


@contextmanager
def to_mlflow() -> Iterator[None]:
    """Raise our errors as MLflow's: its command line and server know how to show those."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2 as codes

    try:
        yield
    except StoreError as error:
        raise MlflowException(str(error), codes.TEMPORARILY_UNAVAILABLE) from error
    except AmlError as error:
        raise MlflowException(str(error), codes.INVALID_PARAMETER_VALUE) from error


def _as_ours(error: MlflowException) -> AmlError:
    said = _sentence(error)
    if _LOCKED in said:
        return locked("of the store")
    revision = _OTHER_SCHEMA.search(said)
    if revision is not None:
        return _other_schema(revision[1])
    kind, fix = _OURS.get(error.error_code, (StoreError, "See the log for what the database said."))
    return kind(said, fix)


def _other_schema(revision: str) -> StoreSchemaError:
    """Say which way it is: MLflow calls a newer schema out of date, too, and has people upgrade what cannot be."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  where something is wrong only
    from alembic.script.revision import RevisionError  # noqa: PLC0415  likewise
    from alembic.util import CommandError  # noqa: PLC0415  likewise
    from mlflow.store.db.utils import _get_alembic_config
    from mlflow.version import VERSION

    try:
        ScriptDirectory.from_config(_get_alembic_config(db_url="")).get_revision(revision)  # type: ignore[no-untyped-call]  # MLflow's
    except (CommandError, RevisionError):
        what = f"MLflow's tables have schema revision {revision!r}, which MLflow {VERSION} here does not know."
        return StoreSchemaError(what, "Run: pip install --upgrade mlflow")
    what = f"MLflow's tables have schema revision {revision!r}, older than MLflow {VERSION} here needs."
    return StoreSchemaError(what, "Make a backup of the database, then run: mlflow db upgrade URI")


def _sentence(error: MlflowException) -> str:
    """Return the message without the statement and the parameters that SQLAlchemy adds to it."""
    text = str(error).split("\n[SQL:", 1)[0].split(" Error: (", 1)[0].strip()
    return f"{text[:_LONGEST].rstrip('.')}."
