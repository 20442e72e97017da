"""What the file system refused, in words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from aml_plugins.errors import AmlError, InvalidInputError, PermissionDeniedError, StoreError

__all__ = ["in_words"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_THE_WAY = frozenset({errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG})


@contextmanager
def in_words(cannot: str) -> Iterator[None]:
    """Turn an ``OSError`` into an error that says what to do.

    :param cannot: what failed, as a sentence without its end.
    """
    try:
        yield
    except OSError as error:
        raise _error(cannot, error) from error


def _error(cannot: str, error: OSError) -> AmlError:
    where = f" ({error.filename})" if error.filename else ""
    what = f"{cannot}: {error.strerror or type(error).__name__}{where}."
    if error.errno in _FULL:
        return StoreError(what, "Free some space on that disk, or raise the quota, and try again.")
    if error.errno in _FORBIDDEN:
        return PermissionDeniedError(what, "Give this user the right to it, or use another place.")
    if error.errno in _IN_THE_WAY:
        return InvalidInputError(what, "Use another path.")
    return StoreError(what, "Look whether the disk or file share is there and healthy.")
