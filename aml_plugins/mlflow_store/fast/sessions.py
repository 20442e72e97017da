"""Sessions without a preamble.

On SQLite, MLflow's sessions set their connection up anew each time; that takes longer than most of what they are for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, PoolProxiedConnection, event
from sqlalchemy.orm import Session, sessionmaker

from aml_plugins.mlflow_store.fast.seams import managed_sessions

if TYPE_CHECKING:

    class _Base:
        """Either of MLflow's SQL stores; for the type checker only."""

        engine: Engine
        ManagedSessionMaker: Callable[..., AbstractContextManager[Session]]

        def __init__(self, *arguments: Any, **options: Any) -> None: ...

else:
    _Base = object

__all__ = ["SETTINGS", "SET_UP_ALREADY", "LightSessions"]

SETTINGS = ("foreign_keys = ON", "busy_timeout = 20000", "case_sensitive_like = true")
"""What MLflow's sessions set on SQLite."""
SET_UP_ALREADY = "sqlite, set up"
"""The kind of database that MLflow's sessions are told: none whose connections they would set up."""


class LightSessions(_Base):
    """Put before one of MLflow's SQL stores among the bases; leaves all but SQLite files as they are."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        in_file = self.engine.dialect.name == "sqlite" and self.engine.url.database not in (None, "", ":memory:")
        if in_file and getattr(self, "read_engine", None) is None:  # MLflow before 3.11 knows no replicas
            _set_up_once(self.engine)
            self.ManagedSessionMaker = managed_sessions(sessionmaker(bind=self.engine), SET_UP_ALREADY)


def _set_up_once(engine: Engine) -> None:
    """Give each connection of the engine, when it is made, the settings that MLflow gives each session."""
    if not event.contains(engine, "connect", _set_up):
        event.listen(engine, "connect", _set_up)
        engine.dispose()  # connections that were opened before


def _set_up(connection: PoolProxiedConnection, _record: object) -> None:
    cursor = connection.cursor()
    for setting in SETTINGS:
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()
