"""Make MLflow's database ready for several processes."""

from __future__ import annotations

from mlflow.store.db import utils as mlflow_db  # noqa: TID253  a leaf: imported when a store is opened
from sqlalchemy import Engine, PoolProxiedConnection, event

from aml_plugins.mlflow_store.locations import is_in_memory

__all__ = ["prepare_database", "tune"]


def prepare_database(engine: Engine) -> None:
    """Create MLflow's tables, one process at a time: its own stores do so unguarded, and the second one fails."""
    mlflow_db._safe_initialize_tables(engine)  # noqa: SLF001  what its workspace provider does


def tune(engine: Engine) -> None:
    """Let SQLite commit without waiting for the disk's platter; WAL mode is set in the file by our migrations.

    MLflow sets its busy timeout and foreign keys with every session.
    """
    if engine.dialect.name != "sqlite" or is_in_memory(engine.url) or event.contains(engine, "connect", _relax):
        return
    event.listen(engine, "connect", _relax)
    engine.dispose()  # connections that were opened before


def _relax(connection: PoolProxiedConnection, _record: object) -> None:
    cursor = connection.cursor()
    # In WAL mode NORMAL loses no consistency, only the last commits when the machine (not the process) dies.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
