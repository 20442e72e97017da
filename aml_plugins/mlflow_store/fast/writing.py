"""What each write of the fast overrides begins with."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from aml_plugins.mlflow_store.fast.seams import LifecycleStage, StoreBelow, experiments, runs

_STAGE = sa.select(runs.c.lifecycle_stage).where(runs.c.run_uuid == sa.bindparam("run"))
_STAGE_IN_WORKSPACE = _STAGE.join(experiments, experiments.c.experiment_id == runs.c.experiment_id).where(
    experiments.c.workspace == sa.bindparam("of")
)

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
        statement, values = _STAGE, {"run": run_id}
        if self.supports_workspaces:
            statement, values = _STAGE_IN_WORKSPACE, {"run": run_id, "of": self._get_active_workspace()}
        if session.connection().scalar(statement, values) != LifecycleStage.ACTIVE:
            self._check_run_is_active(self._get_run(session=session, run_uuid=run_id))


def _in_transaction(connection: sa.Connection) -> bool:
    return bool(getattr(connection.connection.dbapi_connection, "in_transaction", False))
