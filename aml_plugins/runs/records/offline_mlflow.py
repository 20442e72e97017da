"""Replay what a script logged with MLflow itself on a target that has no way to the tracking store (design.md, 4.9).

There, MLflow writes into ``outputs/mlflow.db`` and ``outputs/mlruns``. The file comes from a script: nothing in it is
trusted, and what is not as MLflow writes it is left out.
"""

from __future__ import annotations

import logging
import math
import re
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from aml_plugins.runs.history import Metric, RunHistory
from aml_plugins.runs.records.format import MAX_TIME, child_run_id
from aml_plugins.runs.records.names import is_reserved, label, metric_name, tag_name
from aml_plugins.runs.states import MlflowStatus

__all__ = ["replay_offline_mlflow"]

logger = logging.getLogger(__name__)

DATABASE = "mlflow.db"
ARTIFACTS = "mlruns"
MAX_RUNS = 1000
MAX_ROWS = 1_000_000
MAX_STEPS = 200_000_000
"""Of SQLite's machine: many times what honest tables take, and an end for what is none."""
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[\w][\w .-]{0,249}")
_STATUS: dict[object, MlflowStatus] = {"FINISHED": "FINISHED", "FAILED": "FAILED", "KILLED": "KILLED"}


def replay_offline_mlflow(
    history: RunHistory, run_id: str, experiment_id: str, outputs: Path, end: MlflowStatus
) -> None:
    """Write runs, metrics, params, tags and artifacts of the script's own database into MLflow; safe to repeat.

    The first run is the submitted one; others become its children. What was written is taken out of ``outputs``.

    :param end: the status of runs that the script left open.
    """
    if not (outputs / DATABASE).is_file():
        return
    try:
        with closing(_open(outputs / DATABASE)) as database:
            _Replay(history, run_id, experiment_id, database).all(outputs / ARTIFACTS, end)
    except (sqlite3.Error, ValueError) as error:
        logger.warning("What the script logged into outputs/%s is only kept as a file: %s", DATABASE, error)


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    budget = iter(range(MAX_STEPS // 1000))
    database.set_progress_handler(lambda: next(budget, None) is None, 1000)
    database.execute("PRAGMA trusted_schema = OFF")
    return database


class _Replay:
    def __init__(self, history: RunHistory, run_id: str, experiment_id: str, database: sqlite3.Connection) -> None:
        self._history = history
        self._run_id = run_id
        self._experiment_id = experiment_id
        self._database = database

    def all(self, artifacts: Path, end: MlflowStatus) -> None:
        parents = {
            str(child): str(parent)
            for child, parent in self._rows("tags", "run_uuid, value", "key = 'mlflow.parentRunId'")
        }
        texts = {table: self._texts(table) for table in ("tags", "params")}
        metrics = self._metrics()
        known: dict[str, str] = {}
        for uuid, name, status, started, ended in self._runs():
            target = known[uuid] = self._create(uuid, name, started, known, parents)
            params = {metric_name(key): label(value) for key, value in texts["params"][uuid].items()}
            self._history.log(target, metrics=metrics[uuid], params=params, tags=_own(texts["tags"][uuid]))
            self._artifacts(artifacts, uuid, target)
            if target != self._run_id:
                self._history.set_status(target, _STATUS.get(status, end), end_time=_time(ended) or None)
        self._models(artifacts, known)

    def _create(self, uuid: str, name: object, started: object, known: dict[str, str], parents: dict[str, str]) -> str:
        """Return the run that one of the script's is here; the first is the submitted one."""
        if not known:
            return self._run_id
        run_id = child_run_id(self._run_id, uuid)
        self._history.create_run(
            run_id,
            self._experiment_id,
            name=label(name) if isinstance(name, str) else None,
            tags={},
            parent_run_id=known.get(parents.get(uuid, ""), self._run_id),
            start_time=_time(started) or None,
        )
        return run_id

    def _runs(self) -> Iterator[tuple[str, object, object, object, object]]:
        columns = "run_uuid, name, status, start_time, end_time"
        rows = self._rows("runs", columns, "lifecycle_stage = 'active' ORDER BY start_time, rowid", MAX_RUNS)
        return ((row[0], *row[1:]) for row in rows if isinstance(row[0], str) and _RUN_ID.fullmatch(row[0]))

    def _metrics(self) -> dict[object, list[Metric]]:
        found: dict[object, list[Metric]] = defaultdict(list)
        for uuid, key, value, when, step, nan in self._rows("metrics", "run_uuid, key, value, timestamp, step, is_nan"):
            if isinstance(key, str) and isinstance(value, (int, float)) and isinstance(step, int):
                found[uuid].append(Metric(metric_name(key), math.nan if nan else float(value), _time(when), step))
        return found

    def _texts(self, table: str) -> dict[object, dict[str, str]]:
        found: dict[object, dict[str, str]] = defaultdict(dict)
        for uuid, key, value in self._rows(table, "run_uuid, key, value"):
            if isinstance(key, str) and isinstance(value, str):
                found[uuid][key] = value
        return found

    def _artifacts(self, artifacts: Path, uuid: str, target: str) -> None:
        for folder in sorted(artifacts.glob(f"*/{uuid}/artifacts")):
            self._history.upload(target, folder, "")
            shutil.rmtree(folder.parent)

    def _models(self, artifacts: Path, known: dict[str, str]) -> None:
        """Store logged models as artifacts of their run, under their name: they can be registered from there."""
        if not self._has_table("logged_models"):
            return
        for model_id, name, uuid in self._rows("logged_models", "model_id, name, source_run_id"):
            if uuid in known and isinstance(name, str) and _NAME.fullmatch(name) and _NAME.fullmatch(str(model_id)):
                for folder in sorted(artifacts.glob(f"*/models/{model_id}/artifacts")):
                    self._history.upload(known[uuid], folder, name)
                    shutil.rmtree(folder.parent)

    def _rows(self, table: str, columns: str, where: str = "1", limit: int = MAX_ROWS) -> list[Any]:
        if not self._has_table(table):
            raise ValueError(f"it has no table {table}")
        return self._database.execute(f"SELECT {columns} FROM {table} WHERE {where} LIMIT {limit}").fetchall()  # noqa: S608  all ours

    def _has_table(self, name: str) -> bool:
        """Say whether there is a table: a view of that name could be anything."""
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._database.execute(query, [name]).fetchone() is not None


def _own(tags: dict[str, str]) -> dict[str, str]:
    """Return the tags that the script set itself: MLflow's say where it ran, which is known better here."""
    return {tag_name(key): label(value) for key, value in tags.items() if not is_reserved(key)}


def _time(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < MAX_TIME else 0
