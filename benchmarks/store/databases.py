"""Empty databases for the two stores, and how they are filled without either of them."""

from __future__ import annotations

import random
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ROOT = Path(__file__).parents[2]
NewDatabase = Callable[[], str]


@contextmanager
def databases(kind: str) -> Iterator[NewDatabase]:
    """Yield a function that returns the URI of a new, empty database; all are gone at the end."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="aml-bench-") as directory:
            yield lambda: f"sqlite:///{directory}/{uuid.uuid4().hex}.db"
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from services.postgresql import INSTALL, find_programs, running_server

    programs = find_programs()
    if programs is None:
        raise SystemExit(f"PostgreSQL is not installed. Run: {INSTALL}")
    with running_server(programs) as server:
        yield lambda: server.uri(server.create_database())


def use_wal(engine: sa.Engine) -> None:
    """Set what a server sets on SQLite: a write-ahead log, synchronised at checkpoints."""

    @sa.event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")

    engine.dispose()


def fill_runs(engine: sa.Engine, experiment: str, count: int) -> None:
    """Insert runs with five latest metrics, five parameters and five tags each."""
    from mlflow.store.tracking.dbmodels import models

    chance = random.Random(1)
    run_ids = [f"{chance.getrandbits(128):032x}" for _ in range(count)]
    runs = [_run(run_id, experiment, number) for number, run_id in enumerate(run_ids)]
    with engine.begin() as connection:
        connection.execute(sa.insert(models.SqlRun), runs)
        for number in range(5):
            values = [
                {"run_uuid": run_id, "key": f"k{number}", "value": str(chance.randrange(10))} for run_id in run_ids
            ]
            connection.execute(sa.insert(models.SqlTag), values)
            connection.execute(sa.insert(models.SqlParam), values)
            latest = [
                value | {"value": chance.random(), "timestamp": 1, "step": 1, "is_nan": False} for value in values
            ]
            connection.execute(sa.insert(models.SqlLatestMetric), latest)
    _analyse(engine)


def fill_points(engine: sa.Engine, run_id: str, key: str, count: int) -> None:
    """Insert points of one metric."""
    from mlflow.store.tracking.dbmodels import models

    chance = random.Random(2)
    points = [
        {"run_uuid": run_id, "key": key, "value": chance.random(), "timestamp": n, "step": n, "is_nan": False}
        for n in range(count)
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(models.SqlMetric), points)
        connection.execute(sa.insert(models.SqlLatestMetric), points[-1:])
    _analyse(engine)


def _run(run_id: str, experiment: str, number: int) -> dict[str, Any]:
    return {
        "run_uuid": run_id,
        "name": f"run-{number}",
        "experiment_id": int(experiment),
        "user_id": "someone",
        "status": "FINISHED",
        "start_time": number,
        "lifecycle_stage": "active",
        "source_type": "LOCAL",
        "artifact_uri": f"/artifacts/{experiment}/{run_id}/artifacts",
    }


def _analyse(engine: sa.Engine) -> None:
    """PostgreSQL's autovacuum would gather statistics at a moment of its own, between two rounds."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))
