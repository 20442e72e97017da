"""Azure ML's exceptions, by the names that scripts catch."""

from __future__ import annotations

# ruff: noqa: N818 - these are Azure ML's names


class AzureMLException(Exception):
    """Base of everything this API raises."""

    def __init__(self, message: str = "", **_: object) -> None:
        super().__init__(message)
        self.message = message


class UserErrorException(AzureMLException):
    """An argument cannot be right."""


class RunEnvironmentException(AzureMLException):
    """There is no run around this process."""


class ActivityFailedException(AzureMLException):
    """A run that was waited for failed."""


class ModelPathNotFoundException(AzureMLException):
    """A model's file is not among the files of the run."""


class NotAvailableException(AzureMLException, NotImplementedError):
    """Azure ML offered this on its service; inside a run of AML Plugins it does not exist."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(f"{what} is not available inside a run of AML Plugins. {instead}")


class NoSuchAttributeException(NotAvailableException, AttributeError):
    """The same for an attribute: ``hasattr`` says no."""


class NoSuchDataException(NotAvailableException, KeyError):
    """The run has no data of this name."""

    def __str__(self) -> str:
        """Return the sentence as it is, which a ``KeyError`` would quote."""
        return self.message
