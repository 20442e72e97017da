"""Connections to PostgreSQL between their users: those that ended meanwhile are replaced, most without a question."""

from __future__ import annotations

import select
import time
from functools import partial
from typing import Any

from sqlalchemy import Dialect, Engine, event
from sqlalchemy.exc import InvalidatePoolError

__all__ = ["replace_ended"]

_SILENT_SECONDS = 30.0
"""After so long the server is asked: what lies between may have dropped a silent connection and told neither end."""
_USED_AT = "used_at"


def replace_ended(engine: Engine) -> None:
    """Have connections that ended while nobody used them replaced before their next use.

    SQLAlchemy's ``pool_pre_ping`` asks the server before each use: a way there and back, as long as a statement takes.
    But a server that ends a connection says so, and what it said waits in the socket.
    """
    event.listen(engine, "connect", _note)
    event.listen(engine, "checkin", _note)
    event.listen(engine, "checkout", partial(_check, engine.dialect))


def _note(_connection: Any, record: Any) -> None:
    record.info[_USED_AT] = time.monotonic()


def _check(dialect: Dialect, connection: Any, record: Any, _proxy: Any) -> None:
    is_silent = time.monotonic() - record.info[_USED_AT] > _SILENT_SECONDS
    try:
        if is_silent or _has_word(connection):
            dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error  # the others, too: most probably it is the server that ended


def _has_word(connection: Any) -> bool:
    """Say whether something came in while nobody had asked."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
