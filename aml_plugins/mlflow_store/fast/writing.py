"""What each write of the fast overrides begins with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Query, Session

from aml_plugins.mlflow_store.fast.seams import LifecycleStage, StoreBelow, models

COVERED = frozenset({"sqlite", "postgresql"})


class Writing(StoreBelow):
    """Decide whether the overrides cover this database, and open their transactions."""

    def _is_covered(self) -> bool:
        return self.db_type in COVERED

    def _begin_write(self, session: Session) -> sa.Connection:
        """Return the session's connection, on SQLite with the write lock already held.

        A SQLite transaction that reads first and writes later is refused at once when another writer came between;
        one that asks for the lock at its start waits its turn (the busy timeout).
        """
        connection = session.connection()
        if self.db_type == "sqlite" and not _in_transaction(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        return connection

    def _require_active_run(self, session: Session, run_id: str) -> None:
        """Raise MLflow's own error unless the run is of the active workspace and not deleted."""
        query: Query[Any] = self._get_query(session, models.SqlRun).with_entities(models.SqlRun.lifecycle_stage)
        stage = query.filter(models.SqlRun.run_uuid == run_id).first()
        if stage is None or stage[0] != LifecycleStage.ACTIVE:
            self._check_run_is_active(self._get_run(session=session, run_uuid=run_id))


def _in_transaction(connection: sa.Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))
