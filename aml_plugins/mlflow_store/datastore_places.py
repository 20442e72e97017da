"""Datastores that artifacts lie in: ``aml-datastore://NAME/path``, ``aml-datastore:///path`` for the default one.

Nothing here needs MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from aml_plugins.datastores.opening import datastore_records, default_name, open_datastore
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.datastores.contract import Datastore
    from aml_plugins.store.records import DatastoreRecord

__all__ = ["SCHEME", "datastore_at", "name_and_path"]

SCHEME = "aml-datastore"


def name_and_path(uri: str) -> tuple[str, str]:
    """Return which datastore an address means, and what path in it.

    :raises InvalidInputError: for what is no such address.
    """
    parts = urlsplit(uri)
    if parts.scheme != SCHEME or parts.query or parts.fragment or "@" in parts.netloc or ":" in parts.netloc:
        raise InvalidInputError(
            f"'{uri}' is no address of artifacts in a datastore.", f"Write {SCHEME}://NAME/path, without more."
        )
    return parts.netloc, unquote(parts.path).strip("/")


def datastore_at(store_uri: str, workspace: str, name: str) -> Datastore:
    """Open a datastore of a workspace as it is configured now; the empty name is the default one."""
    context = _context(store_uri)
    name = name or default_name(context, workspace)
    records = datastore_records(context, workspace)
    return _opened(store_uri, workspace, name, _Key(records.get(name)))


class _Key:
    """A datastore's record as something that opened ones are remembered by."""

    def __init__(self, record: DatastoreRecord | None) -> None:
        self.settings = repr((record.type, _plain(record.config))) if record else ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.settings == other.settings

    def __hash__(self) -> int:
        return hash(self.settings)


def _plain(value: object) -> object:
    return sorted((key, _plain(item)) for key, item in value.items()) if isinstance(value, Mapping) else value


@lru_cache(maxsize=4)
def _context(store_uri: str) -> Context:
    from aml_plugins.context import open_context  # noqa: PLC0415  SQLAlchemy, once artifacts are touched

    return open_context(store_uri)


# One that is opened anew would connect anew for each file.
@lru_cache(maxsize=64)
def _opened(store_uri: str, workspace: str, name: str, settings: _Key) -> Datastore:
    del settings
    return open_datastore(_context(store_uri), workspace, name)
