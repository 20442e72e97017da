"""Which store a URI means."""

from __future__ import annotations

import re
from pathlib import Path

from aml_plugins.home import aml_home, make_home
from aml_plugins.store.interface import Store

__all__ = ["has_password", "is_server", "open_store", "plain_uri", "shown_uri"]

_PREFIX = "aml+"
_SQLITE = "sqlite:///"
# Not by a parser: what cannot be parsed is shown too, in the message that says so. A password may hold any character.
_USER_PASSWORD = re.compile(r"(?P<user>^[^:/]+://[^:/@]*):(?!\*\*\*@).*@")
_QUERY_PASSWORD = re.compile(r"(?P<name>[?&](?:password|sslpassword))=(?!\*\*\*)[^&]*", re.IGNORECASE)


def plain_uri(uri: str) -> str:
    """Return a database URI as MLflow and SQLAlchemy know it, without ``aml+``."""
    return uri.removeprefix(_PREFIX)


def shown_uri(uri: str) -> str:
    """Return a store's URI as it may be shown, written and logged: without its password, wherever in it that stands."""
    without_user = _USER_PASSWORD.sub(r"\g<user>:***@", uri)
    return _QUERY_PASSWORD.sub(r"\g<name>=***", without_user)


def has_password(uri: str) -> bool:
    """Say whether a store's URI has a password in it."""
    return shown_uri(uri) != uri


def is_server(uri: str) -> bool:
    """Say whether a store's URI is the address of a server."""
    return plain_uri(uri).startswith(("http://", "https://"))


def open_store(uri: str) -> Store:
    """Open the store behind a URI: a database, or a server.

    An old or empty database gets our tables, MLflow's are not touched. A server is asked nothing yet.

    :raises InvalidInputError: for a URI that names no store, and for a home directory that cannot be used.
    :raises StoreError: where the database cannot be opened, or is of a newer schema.
    """
    if is_server(uri):
        from aml_plugins.store.rest.store import RestStore  # noqa: PLC0415  a database needs no HTTP

        return RestStore(plain_uri(uri))
    from aml_plugins.store.sql.store import SqlStore  # noqa: PLC0415  SQLAlchemy costs 0.2 s; plain_uri() needs none

    plain = plain_uri(uri)
    _make_home(plain)
    return SqlStore(uri, plain)


def _make_home(plain: str) -> None:
    """Create our own home directory for the default database. Directories of others stay the user's care."""
    if not plain.startswith(_SQLITE):
        return
    directory = Path(plain.removeprefix(_SQLITE)).parent
    if directory == aml_home():
        make_home(directory)
