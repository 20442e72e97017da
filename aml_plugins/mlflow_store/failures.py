"""MLflow's errors as ours, and ours as MLflow's."""

from __future__ import annotations

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
)

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


@contextmanager
def ours() -> Iterator[None]:
    """Raise what MLflow raises as errors of this project; MLflow is not imported for that alone."""
    try:
        yield
    except Exception as error:
        theirs = sys.modules.get("mlflow.exceptions")
        if theirs is None or not isinstance(error, theirs.MlflowException):
            raise
        kind, fix = _OURS.get(error.error_code, (StoreError, "See the log for what the database said."))
        raise kind(_sentence(error), fix) from error


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


def _sentence(error: MlflowException) -> str:
    """Return the message without the statement and the parameters that SQLAlchemy adds to it."""
    text = str(error).split("\n[SQL:", 1)[0].split(" Error: (", 1)[0].strip()
    return f"{text[:_LONGEST].rstrip('.')}."
