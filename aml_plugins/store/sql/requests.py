"""Idempotency keys of requests to the server: a request that comes twice is known again."""

from __future__ import annotations

import time

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from aml_plugins.store.sql import tables
from aml_plugins.store.sql.database import Database

__all__ = ["SqlRequests"]

_T = tables.requests
_FIND = select(_T.c.fingerprint).where(_T.c.key == bindparam("wanted"))
_REMEMBERED_SECONDS = 24 * 3600.0


class SqlRequests:
    """Keys of requests and what was asked under each, for a day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, key: str, fingerprint: str) -> str | None:
        """Write the key down before anything else is; return the fingerprint of the request that had it before."""
        try:
            with self._database.writing() as connection:
                connection.execute(insert(_T).values(key=key, fingerprint=fingerprint, created_at=time.time()))
        except IntegrityError:
            with self._database.reading() as connection:
                found: str | None = connection.scalar(_FIND, {"wanted": key})
            return found if found is not None else self.begin(key, fingerprint)
        return None

    def forget(self, key: str) -> None:
        """Give the key free: its request failed and wrote nothing."""
        with self._database.writing() as connection:
            connection.execute(delete(_T).where(_T.c.key == key))

    def forget_old(self) -> None:
        """Drop keys that nobody will use again."""
        with self._database.writing() as connection:
            connection.execute(delete(_T).where(_T.c.created_at < time.time() - _REMEMBERED_SECONDS))
