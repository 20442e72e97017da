"""What a file system of fsspec raises, in words. Its own text is not repeated: it may name secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from aml_plugins.datastores.contract import Datastore
from aml_plugins.datastores.listing import no_such_file
from aml_plugins.errors import AmlError, BackendError, InvalidInputError, TransientBackendError

__all__ = ["fsspec_words"]


@contextmanager
def fsspec_words(datastore: Datastore, url: str, path: str = "") -> Iterator[None]:
    """Turn whatever is raised into an error that says what to do.

    :param path: the file in question, for one that is not there.
    """
    try:
        yield
    except AmlError:
        raise
    except FileNotFoundError as error:
        raise no_such_file(datastore, path) from error
    except Exception as error:
        raise _error(datastore.name, url, path, error) from error


def _error(name: str, url: str, path: str, error: Exception) -> AmlError:
    scheme = urlsplit(url).scheme
    if isinstance(error, ImportError):
        return InvalidInputError(
            f"The datastore '{name}' needs a package that is not installed: {error.name or error}.",
            f"Install what fsspec needs for {scheme}://.",
        )
    if isinstance(error, (TypeError, ValueError)):
        return InvalidInputError(
            f"The datastore '{name}' cannot be opened: its url or options are not what fsspec takes.",
            f"Look at the options of {scheme}:// in fsspec's documentation.",
        )
    if isinstance(error, OSError):
        return _refused(name, url, path, error)
    return BackendError(
        f"The datastore '{name}' refused: {url} answered with {type(error).__name__}.",
        "Look at the datastore's credential, url and options.",
    )


def _refused(name: str, url: str, path: str, error: OSError) -> AmlError:
    if isinstance(error, (IsADirectoryError, NotADirectoryError, FileExistsError)):
        return InvalidInputError(
            f"The datastore '{name}' cannot use '{path}': a folder or file is in the way.", "Use another path."
        )
    if isinstance(error, PermissionError):
        return BackendError(
            f"The datastore '{name}' refused: {url} did not let us in.",
            "Look at the datastore's credential and at its rights.",
        )
    return TransientBackendError(
        f"The datastore '{name}' cannot be reached: {url} does not answer.", "Look at its address and at the network."
    )
