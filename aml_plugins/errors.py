"""Every error a user can meet: a stable code, what is wrong, what to do, and the exit code of the command line."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AlreadyExistsError",
    "AmlError",
    "BackendError",
    "InvalidInputError",
    "JobNotFoundError",
    "LeaseLostError",
    "MissingExtraError",
    "NotFoundError",
    "NotYetDoneError",
    "OperationFailedError",
    "PermissionDeniedError",
    "PluginError",
    "PreconditionFailedError",
    "RemoteFailedError",
    "StoreError",
    "StoreSchemaError",
    "TransientBackendError",
]


class AmlError(Exception):
    """Base of all errors of this project.

    :param what: one sentence that says what is wrong, with the name involved.
    :param fix: one sentence that says what to do about it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        separator = "\n" if "\n" in self.what else " "  # after the last lines of a log, a sentence gets its own
        return f"{self.what}{separator}{self.fix}".rstrip()


class OperationFailedError(AmlError):
    """A run or another operation ended, and not well."""

    code = "operation_failed"


class RemoteFailedError(OperationFailedError):
    """An operation ended, and not well: the remote side refused, or could not be reached."""

    code = "remote_failed"
    exit_code = 3


class InvalidInputError(AmlError):
    """What the caller gave cannot be right."""

    code = "invalid_input"
    exit_code = 2


class NotFoundError(InvalidInputError):
    """A named thing does not exist in this workspace."""

    code = "not_found"


class AlreadyExistsError(InvalidInputError):
    """A name is taken."""

    code = "already_exists"


class PermissionDeniedError(InvalidInputError):
    """The caller's role does not allow it."""

    code = "permission_denied"


class PreconditionFailedError(InvalidInputError):
    """What a change was made for is not what is there any more."""

    code = "precondition_failed"


class MissingExtraError(InvalidInputError):
    """An optional dependency is not installed.

    :param needs: what cannot be done, as the start of a sentence.
    :param extra: the extra of ``aml-plugins`` that brings it.
    """

    code = "missing_extra"

    def __init__(self, needs: str, extra: str) -> None:
        super().__init__(f"{needs} needs an extra that is not installed.", f"Run: pip install 'aml-plugins[{extra}]'")


class PluginError(AmlError):
    """A plugin is broken, missing or in conflict with another."""

    code = "plugin"
    exit_code = 2


class StoreError(AmlError):
    """The database refused, is locked or cannot be reached."""

    code = "store"
    exit_code = 3


class StoreSchemaError(StoreError):
    """The database's schema is newer than this installation, or not ours."""

    code = "store_schema"


class LeaseLostError(StoreError):
    """Another driver owns the run now, or the row changed since it was read; read it again."""

    code = "lease_lost"


class BackendError(AmlError):
    """The remote side refused; asking again will not help."""

    code = "backend"
    exit_code = 3


class TransientBackendError(BackendError):
    """The remote side could not be reached or is throttling; asking again later may help.

    :param retry_after: seconds the remote side asked us to wait, where it said so.
    """

    code = "backend_transient"

    def __init__(self, what: str, fix: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(what, fix)
        self.retry_after = retry_after


class JobNotFoundError(BackendError):
    """The compute target knows no such job (any more)."""

    code = "job_not_found"


class NotYetDoneError(BackendError):
    """An asynchronous clean-up has begun and is not over: call again."""

    code = "not_yet_done"
