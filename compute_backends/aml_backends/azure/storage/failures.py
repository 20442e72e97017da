"""What Azure Storage refused, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (  # noqa: TID253  a leaf: imported with a datastore of these types
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from aml_plugins.errors import AmlError, BackendError, InvalidInputError, NotFoundError, TransientBackendError
from aml_plugins.retry_after import seconds_asked

__all__ = ["azure_words", "code_of", "missing_is_fine"]

_GONE = frozenset({"ContainerNotFound", "ShareNotFound", "ResourceNotFound", "ParentNotFound", "BlobNotFound"})
_ROOT_GONE = frozenset({"ContainerNotFound", "ShareNotFound"})
_REFUSED = frozenset({401, 403})
_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_CREDENTIAL = "Look at the datastore's credential: is it the right one, still valid, and allowed to do this?"


def code_of(error: AzureError) -> str:
    """Return the service's word for what is wrong."""
    return str(getattr(getattr(error, "error_code", ""), "value", getattr(error, "error_code", "")) or "")


@contextmanager
def missing_is_fine() -> Iterator[None]:
    """Pass over a file that is not there; a container or share that is not there is a mistake all the same."""
    try:
        yield
    except ResourceNotFoundError as error:
        if code_of(error) in _ROOT_GONE:
            raise


@contextmanager
def azure_words(datastore: str, place: str, path: str = "") -> Iterator[None]:
    """Turn what the SDK raises into an error that says what to do. What the service wrote is not repeated.

    :param place: what the datastore is, as it is named in Azure: ``container 'data' at https://…``.
    :param path: the file in question, for one that is not there.
    """
    try:
        yield
    except AzureError as error:
        raise _error(datastore, place, path, error) from error
    except ValueError as error:  # a key that is not base64, a connection string without its parts
        raise InvalidInputError(
            f"The credential of the datastore '{datastore}' is malformed.", "Set the secret it refers to anew."
        ) from error


def _error(datastore: str, place: str, path: str, error: AzureError) -> AmlError:
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _answered(datastore, place, path, error)
    if isinstance(error, (ServiceRequestError, ServiceResponseError)):
        return TransientBackendError(
            f"The datastore '{datastore}' cannot be reached: {place} does not answer.",
            "Look at its address and at the network.",
        )
    if isinstance(error, ClientAuthenticationError):
        return BackendError(
            f"The datastore '{datastore}' has no credential, and azure-identity found none on this machine.",
            "Sign in with 'az login', set AZURE_CLIENT_ID and its kin, or give the datastore an account_key.",
        )
    return BackendError(f"The datastore '{datastore}' cannot be used: {type(error).__name__}.", _CREDENTIAL)


def _answered(datastore: str, place: str, path: str, error: HttpResponseError) -> AmlError:
    status, code = error.status_code, code_of(error)
    said = f" ({code})" if code else ""
    if code in _ROOT_GONE:
        return NotFoundError(f"The datastore '{datastore}' is not there: there is no {place}.", "Create it in Azure.")
    if status == 404 or code in _GONE:  # noqa: PLR2004  "not found"
        return NotFoundError(
            f"There is no file '{path}' in the datastore '{datastore}'.",
            f"See what there is: aml datastore files {datastore}",
        )
    if status in _REFUSED:
        return BackendError(f"The datastore '{datastore}' refused: {place} did not let us in{said}.", _CREDENTIAL)
    if status in _BUSY:
        return TransientBackendError(
            f"The datastore '{datastore}' is busy: {place} answered {status}{said}.",
            "Try again later.",
            retry_after=seconds_asked(getattr(error.response, "headers", None)),
        )
    return BackendError(f"The datastore '{datastore}' refused: {place} answered {status}{said}.", "")
