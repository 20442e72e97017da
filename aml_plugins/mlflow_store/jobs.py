# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""What is done to a run in MLflow reaches the job behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlflow.entities import RunInfo, RunStatus  # noqa: TID253  a leaf: imported when a store is opened
from mlflow.store.tracking.dbmodels.models import SqlRun  # noqa: TID253  as above

from aml_plugins.mlflow_store.failures import to_mlflow
from aml_plugins.runs.log_batches import in_pieces
from aml_plugins.store.interface import Store

if TYPE_CHECKING:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as _Base
else:
    _Base = object

__all__ = ["JobAware", "release_runs"]

_AT_ONCE = 500
"""Run ids that every database takes as the parameters of one statement."""


class JobAware(_Base):
    """Terminating a run cancels its job; deleting a run also releases its snapshot, restoring it takes that back.

    Each of our writes follows MLflow's: where the process dies in between, ``mlflow gc`` makes up for it.
    """

    jobs: Store | None
    """The store of the jobs; None for a database in memory, which has none."""

    def update_run_info(
        self, run_id: str, run_status: int | None, end_time: int | None, run_name: str | None
    ) -> RunInfo:
        """Update, and request the job's cancellation where the new status is KILLED.

        Scripts set FINISHED and FAILED themselves; only KILLED is a wish.
        """
        info: RunInfo = super().update_run_info(run_id, run_status, end_time, run_name)
        if run_status == RunStatus.KILLED and self.jobs is not None:
            with to_mlflow():
                _cancel(self.jobs, [run_id])
        return info

    def delete_run(self, run_id: str) -> None:
        super().delete_run(run_id)
        self._release([run_id])

    def restore_run(self, run_id: str) -> None:
        super().restore_run(run_id)
        self._keep([run_id])

    def delete_experiment(self, experiment_id: str) -> None:
        super().delete_experiment(experiment_id)
        self._release(self._run_ids(experiment_id))

    def restore_experiment(self, experiment_id: str) -> None:
        super().restore_experiment(experiment_id)
        self._keep(self._run_ids(experiment_id))

    # The two that ``mlflow gc`` calls by these names.
    def _hard_delete_run(self, run_id: str) -> None:
        super()._hard_delete_run(run_id)
        self._release([run_id])

    def _hard_delete_experiment(self, experiment_id: str) -> None:
        runs = self._run_ids(experiment_id)
        super()._hard_delete_experiment(experiment_id)
        self._release(runs)

    def _run_ids(self, experiment_id: Any) -> Sequence[str]:
        if self.jobs is None or not str(experiment_id).isdecimal():  # MLflow refuses the latter itself
            return []
        with self.ManagedSessionMaker() as session:
            rows = session.query(SqlRun.run_uuid).filter(SqlRun.experiment_id == int(experiment_id)).all()
        return [row[0] for row in rows]

    def _release(self, run_ids: Sequence[str]) -> None:
        if self.jobs is not None:
            with to_mlflow():
                release_runs(self.jobs, run_ids)

    def _keep(self, run_ids: Sequence[str]) -> None:
        if self.jobs is not None:
            with to_mlflow():
                for ids in in_pieces(run_ids, _AT_ONCE):
                    self.jobs.runs.mark_released(ids, released=False)


def release_runs(store: Store, run_ids: Sequence[str]) -> None:
    """Note that runs were deleted in MLflow, and ask those that still execute to end."""
    for ids in in_pieces(run_ids, _AT_ONCE):
        store.runs.mark_released(ids, released=True)
        _cancel(store, ids)


def _cancel(store: Store, run_ids: Sequence[str]) -> None:
    for record in store.runs.get_many(run_ids).values():
        if record.ended_at is None:
            store.runs.request_cancel(record.workspace, record.run_id)
