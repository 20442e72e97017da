"""What some datastore types can do besides; absence means "unsupported"."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

__all__ = ["SupportsProgress", "SupportsSignedUrls"]

Permission: TypeAlias = Literal["read", "write", "read-write", "append"]


@runtime_checkable
class SupportsSignedUrls(Protocol):
    """A datastore that can let others in without a credential of theirs, for a while.

    A signed URL is a secret: hand it to the job that needs it, never to a log, a table or a command line.
    """

    def signed_url(self, path: str, permission: Permission, expires: timedelta) -> str:
        """Return a URL that plain HTTP clients can read from (``GET``) or write to (``PUT``).

        :param path: a file, which need not exist yet. The empty path is the root, the whole container: a client
            adds paths and may list (``read``) or create files (``write``); refused where the datastore has a prefix,
            since the URL would reach further than the datastore does.
        :param permission: no more than this is granted. ``append`` is for files that grow: they can be created and
            added to, and neither read nor changed; not every type has it.
        :param expires: how long it is good for.
        :raises InvalidInputError: where the datastore's credential cannot sign, or not this.
        """
        ...


@runtime_checkable
class SupportsProgress(Protocol):
    """A datastore that tells how far a large file is, and goes on where an interrupted transfer stopped."""

    def send(self, local: Path, path: str, progress: Callable[[int], None]) -> None:
        """Like ``put``; ``progress`` gets bytes done since its last call, those of an earlier try included."""
        ...

    def receive(self, path: str, local: Path, progress: Callable[[int], None]) -> None:
        """Like ``get``; ``progress`` as for :meth:`send`."""
        ...
