"""The file system that a staging directory is on, as fsspec opens it, and its errors in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from aml_plugins.errors import BackendError, MissingExtraError, TransientBackendError

__all__ = ["in_words", "open_storage"]

_REFUSED = (401, 403)
_FIX = "Check the target's 'staging' and 'storage_options'."


def open_storage(url: str, options: Mapping[str, str]) -> tuple[Any, str]:
    """Return the file system of an address, and the path that the address has on it.

    :param url: as Hadoop has it: its addresses of Azure storage name the account in the host.
    :raises MissingExtraError: where the library for that storage is not installed.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _open("file", options), parts.path.rstrip("/")
    container, _, host = parts.netloc.rpartition("@")
    files = _open("abfs", {"account_name": host.partition(".")[0], **options})
    return files, f"{container}{parts.path.rstrip('/')}"


@contextmanager
def in_words(url: str) -> Iterator[None]:
    """Turn what a file system raises into sentences; ``FileNotFoundError`` passes.

    :raises BackendError: where it refuses access.
    :raises TransientBackendError: for anything else.
    """
    try:
        yield
    except (TransientBackendError, FileNotFoundError):
        raise
    except Exception as error:  # noqa: BLE001  every file system of fsspec has errors of its own
        if isinstance(error, PermissionError) or getattr(error, "status_code", None) in _REFUSED:
            raise BackendError(f"The staging directory {url} refuses access: {type(error).__name__}.", _FIX) from None
        raise TransientBackendError(
            f"The staging directory {url} cannot be reached: {_first_line(error)}.", _FIX
        ) from None


def _open(protocol: str, options: Mapping[str, str]) -> Any:
    import fsspec  # noqa: PLC0415  plugins are light where they are looked at

    try:
        return fsspec.filesystem(protocol, skip_instance_cache=True, **options)
    except ImportError:
        raise MissingExtraError("A staging directory in Azure storage", "hdinsight") from None
    except Exception as error:  # noqa: BLE001  see above
        raise BackendError(f"The staging directory cannot be opened: {_first_line(error)}.", _FIX) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:300].rstrip(".") or type(error).__name__
