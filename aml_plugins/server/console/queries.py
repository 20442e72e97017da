"""What the console asks the database: few columns, few statements, along the indexes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from aml_plugins.mlflow_tables import tables as mlflow
from aml_plugins.store.sql import tables
from aml_plugins.store.sql.store import SqlStore

if TYPE_CHECKING:
    from aml_plugins.store.interface import Store
    from aml_plugins.store.sql.database import Database

__all__ = ["ConsoleQueries", "RunFilter", "queries_of"]

_R, _T, _I, _S = tables.runs, tables.tasks, tables.images, tables.services
_M = mlflow.runs
_RUNS = _R.outerjoin(_M, _M.c.run_uuid == _R.c.run_id)
_NAME = func.coalesce(func.nullif(_M.c.name, ""), _R.c.name)
"""What MLflow's UI calls the run: it may have made the name up, and people change it there."""
_RUN_COLUMNS = (
    *(_R.c.run_id, _NAME.label("name"), _R.c.experiment_name, _R.c.script, _R.c.target, _R.c.state, _R.c.user),
    *(_R.c.cancel_requested_at, _R.c.created_at, _R.c.started_at, _R.c.ended_at),
)
_TASK_COLUMNS = (
    *(_T.c.task_id, _T.c.kind, _T.c.subject, _T.c.state, _T.c.progress, _T.c.message),
    *(_T.c.created_at, _T.c.updated_at),
)
_IMAGE_COLUMNS = (_I.c.name, _I.c.version, _I.c.state, _I.c.builder, _I.c.reason, _I.c.created_at)
_SERVICE_COLUMNS = (_S.c.name, _S.c.type, _S.c.state, _S.c.desired, _S.c.endpoint, _S.c.reason, _S.c.looked_at)
_SEARCHED = (_NAME, _R.c.script, _R.c.experiment_name, _R.c.user)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs somebody wants to see.

    :param active: only those that have not ended.
    :param text: part of a name, script, experiment or user, or the beginning of a run id.
    """

    experiment: str | None = None
    target: str | None = None
    states: Collection[str] = ()
    active: bool = False
    text: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as SQL conditions."""
        wanted: list[ColumnElement[bool]] = [tables.listed_runs]
        if self.experiment:
            wanted.append(_R.c.experiment_name == self.experiment)
        if self.target:
            wanted.append(_R.c.target == self.target)
        if self.states:
            wanted.append(_R.c.state.in_(self.states))
        if self.active:
            wanted.append(_R.c.active)
        if self.text:
            parts = [column.icontains(self.text, autoescape=True) for column in _SEARCHED]
            wanted.append(or_(*parts, _R.c.run_id.startswith(self.text.lower(), autoescape=True)))
        return wanted


class ConsoleQueries:
    """Reads only. Rows come as dictionaries, ready to be JSON."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(
        self, workspace: str, wanted: RunFilter, limit: int, before: tuple[float, str] | None = None
    ) -> Sequence[dict[str, Any]]:
        """Return runs, newest first; ``before`` is ``(created_at, run_id)`` of the last one seen."""
        statement = select(*_RUN_COLUMNS).select_from(_RUNS).where(_R.c.workspace == workspace, *wanted.conditions())
        if before is not None:
            statement = statement.where(tuple_(_R.c.created_at, _R.c.run_id) < tuple_(*before))
        return self._rows(statement.order_by(_R.c.created_at.desc(), _R.c.run_id.desc()).limit(limit))

    def children(self, workspace: str, run_id: str, limit: int) -> Sequence[dict[str, Any]]:
        """Return the runs that were submitted below a run, oldest first."""
        mine = and_(_R.c.workspace == workspace, _R.c.parent_run_id == run_id, tables.listed_runs)
        statement = select(*_RUN_COLUMNS).select_from(_RUNS).where(mine)
        return self._rows(statement.order_by(_R.c.created_at, _R.c.run_id).limit(limit))

    def queues(self, workspace: str) -> Sequence[dict[str, Any]]:
        """Return how many runs each target has in each state that is not final."""
        statement = select(_R.c.target, _R.c.state, func.count().label("runs"))
        statement = statement.where(_R.c.active, _R.c.workspace == workspace)
        return self._rows(statement.group_by(_R.c.target, _R.c.state).order_by(_R.c.target, _R.c.state))

    def active_runs(self) -> dict[str, int]:
        """Return how many runs each workspace has that have not ended."""
        statement = select(_R.c.workspace, func.count().label("runs")).where(_R.c.active).group_by(_R.c.workspace)
        return {row["workspace"]: row["runs"] for row in self._rows(statement)}

    def experiments(self, workspace: str) -> Sequence[str]:
        """Return the names of the experiments that have runs here."""
        statement = select(_R.c.experiment_name).where(_R.c.workspace == workspace, tables.listed_runs).distinct()
        return [row["experiment_name"] for row in self._rows(statement.order_by(_R.c.experiment_name))]

    def active_tasks(self, workspace: str, limit: int) -> Sequence[dict[str, Any]]:
        """Return the tasks that have not ended, newest first, each with what is known of its run."""
        own = and_(_T.c.subject == _R.c.run_id, _R.c.workspace == workspace)
        about = (
            _NAME.label("run_name"),
            _R.c.script,
            _R.c.experiment_name,
            _R.c.target,
            _R.c.state.label("run_state"),
        )
        statement = select(*_TASK_COLUMNS, *about).select_from(_T.outerjoin(_RUNS, own))
        statement = statement.where(_T.c.workspace == workspace, _T.c.state.in_(("Queued", "Running")))
        return self._rows(statement.order_by(_T.c.created_at.desc(), _T.c.task_id.desc()).limit(limit))

    def tasks_of(self, workspace: str, subject: str) -> Sequence[dict[str, Any]]:
        """Return the tasks that work for a run, oldest first."""
        statement = select(*_TASK_COLUMNS).where(_T.c.workspace == workspace, _T.c.subject == subject)
        return self._rows(statement.order_by(_T.c.created_at))

    def images(self, workspace: str, limit: int) -> Sequence[dict[str, Any]]:
        """Return the newest version of each image, by name."""
        newest = select(_I.c.name, func.max(_I.c.version).label("version")).where(_I.c.workspace == workspace)
        newest_of = newest.group_by(_I.c.name).subquery()
        same = and_(_I.c.name == newest_of.c.name, _I.c.version == newest_of.c.version)
        statement = select(*_IMAGE_COLUMNS).select_from(_I.join(newest_of, same)).where(_I.c.workspace == workspace)
        return self._rows(statement.order_by(_I.c.name).limit(limit))

    def services(self, workspace: str, limit: int) -> Sequence[dict[str, Any]]:
        """Return the services, by name."""
        statement = select(*_SERVICE_COLUMNS).where(_S.c.workspace == workspace)
        return self._rows(statement.order_by(_S.c.name).limit(limit))

    def _rows(self, statement: Any) -> Sequence[dict[str, Any]]:
        with self._database.reading() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]


def queries_of(store: Store) -> ConsoleQueries:
    """Return the queries to a server's database."""
    assert isinstance(store, SqlStore)  # noqa: S101  a server has a database; its settings refuse anything else
    return ConsoleQueries(store.database)
