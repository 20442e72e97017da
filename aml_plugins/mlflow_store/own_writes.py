# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""What our run history writes through the tracking store, past MLflow's own methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlflow.entities import LifecycleStage, RunStatus, SourceType  # noqa: TID253  a leaf: imported with a store
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.protos.databricks_pb2 import INVALID_STATE, RESOURCE_DOES_NOT_EXIST  # noqa: TID253  as above
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun, SqlTag  # noqa: TID253  as above
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME  # noqa: TID253  as above
from mlflow.utils.name_utils import _generate_random_name  # noqa: TID253  as above; names like MLflow's own
from mlflow.utils.time import get_current_time_millis  # noqa: TID253  as above
from mlflow.utils.uri import append_to_uri_path  # noqa: TID253  as above
from mlflow.utils.validation import MAX_TAG_VAL_LENGTH  # noqa: TID253  as above
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as _Base
    from sqlalchemy.orm import Session
else:
    _Base = object

__all__ = ["OwnWrites"]


_OF_WORKSPACE: Any = select(SqlExperiment.experiment_id).where(SqlExperiment.workspace == bindparam("of"))
_MINE: Any = (SqlRun.run_uuid == bindparam("run")) & SqlRun.experiment_id.in_(_OF_WORKSPACE)
_EXISTS = select(SqlRun.artifact_uri, SqlRun.experiment_id).where(SqlRun.run_uuid == bindparam("run"))
_EXPERIMENT = select(SqlExperiment.experiment_id, SqlExperiment.lifecycle_stage).where(
    SqlExperiment.name == bindparam("name"), SqlExperiment.workspace == bindparam("of")
)
_LOCATION = select(SqlExperiment.artifact_location, SqlExperiment.lifecycle_stage).where(
    SqlExperiment.experiment_id == bindparam("experiment"), SqlExperiment.workspace == bindparam("of")
)
_PLACE = select(SqlRun.artifact_uri, SqlRun.experiment_id).where(_MINE)
_STATUS = update(SqlRun.__table__).where(_MINE).values(status=bindparam("to"))
_END = _STATUS.values(end_time=bindparam("at"))


def _upsert_tags(insert: Any) -> Any:
    statement = insert(SqlTag.__table__)
    return statement.on_conflict_do_update(index_elements=["key", "run_uuid"], set_={"value": statement.excluded.value})


_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_INSERT_RUN = {name: insert(SqlRun.__table__).on_conflict_do_nothing() for name, insert in _INSERTS.items()}
_UPSERT_TAGS = {name: _upsert_tags(insert) for name, insert in _INSERTS.items()}


def _no_such_run(run_id: str) -> MlflowException:
    return MlflowException(f"There is no run {run_id} in this workspace", RESOURCE_DOES_NOT_EXIST)


class OwnWrites(_Base):
    """Runs with an id that was chosen beforehand, and their states."""

    def create_run_with_id(
        self,
        run_id: str,
        experiment_id: str,
        *,
        run_name: str | None,
        tags: Mapping[str, str],
        user_id: str = "",
        start_time: int | None = None,
        artifact_root: str | None = None,
    ) -> tuple[str, str]:
        """Create a run with status SCHEDULED; one that exists stays as it is.

        :returns: where its artifacts go, and its experiment's id.
        :param artifact_root: where the run's artifacts go when the experiment's lie behind a server's proxy, which
            a process beside the database cannot ask.
        """
        name = run_name or _generate_random_name()
        all_tags = {MLFLOW_RUN_NAME: name, **tags}
        with self.ManagedSessionMaker(read_only=False) as session:
            existing = session.execute(_EXISTS, {"run": run_id}).first()
            if existing is not None:
                return str(existing[0]), str(existing[1])
            location = self._run_location(session, experiment_id, run_id, artifact_root)
            row = {
                "run_uuid": run_id,
                "name": name,
                "experiment_id": int(experiment_id),
                "artifact_uri": location,
                "user_id": user_id,
                "status": RunStatus.to_string(RunStatus.SCHEDULED),
                "start_time": get_current_time_millis() if start_time is None else start_time,
                "lifecycle_stage": LifecycleStage.ACTIVE,
                "source_type": SourceType.to_string(SourceType.UNKNOWN),
                "source_name": "",
                "entry_point_name": "",
                "source_version": "",
            }
            rows = [
                {"run_uuid": run_id, "key": key, "value": value[:MAX_TAG_VAL_LENGTH]} for key, value in all_tags.items()
            ]
            made = session.connection().execute(_INSERT_RUN[self.db_type], row)
            if made.rowcount:  # else another driver was faster, tags and all
                session.connection().execute(_UPSERT_TAGS[self.db_type], rows)
        return location, experiment_id

    def find_experiment(self, name: str) -> tuple[str, str] | None:
        """Return id and lifecycle stage of an experiment, None where there is none."""
        with self.ManagedSessionMaker() as session:
            found = session.execute(_EXPERIMENT, {"name": name, "of": self._get_active_workspace()}).one_or_none()
        return None if found is None else (str(found[0]), str(found[1]))

    def run_artifact_uri(self, run_id: str) -> str:
        """Return where the run's artifacts lie."""
        return self.run_place(run_id)[0]

    def run_place(self, run_id: str) -> tuple[str, str]:
        """Return where the run's artifacts lie, and its experiment's id: neither ever changes."""
        with self.ManagedSessionMaker() as session:
            found = session.execute(_PLACE, {"run": run_id, "of": self._get_active_workspace()}).one_or_none()
        if found is None:
            raise _no_such_run(run_id)
        return str(found[0]), str(found[1])

    def set_run_status(
        self, run_id: str, status: str, end_time: int | None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Set the status as the job has it, and tags with it, of a run that is deleted too: it may be restored.

        Nobody's wish, so nothing is cancelled whatever the status.
        """
        values: dict[str, Any] = {"run": run_id, "of": self._get_active_workspace(), "to": status}
        change = _STATUS
        if end_time is not None:
            change, values["at"] = _END, end_time
        rows = [
            {"run_uuid": run_id, "key": key, "value": value[:MAX_TAG_VAL_LENGTH]} for key, value in (tags or {}).items()
        ]
        with self.ManagedSessionMaker(read_only=False) as session:
            changed = session.connection().execute(change, values)
            if changed.rowcount == 0:
                raise _no_such_run(run_id)
            if rows:
                session.connection().execute(_UPSERT_TAGS[self.db_type], rows)

    def _run_location(self, session: Session, experiment_id: str, run_id: str, artifact_root: str | None) -> str:
        workspace = self._get_active_workspace()
        found = session.execute(_LOCATION, {"experiment": int(experiment_id), "of": workspace}).one_or_none()
        if found is None:
            raise MlflowException(f"There is no experiment {experiment_id} in this workspace", RESOURCE_DOES_NOT_EXIST)
        if found[1] != LifecycleStage.ACTIVE:
            raise MlflowException(
                f"The experiment {experiment_id} must be in the 'active' state; it is deleted", INVALID_STATE
            )
        location = str(found[0])
        if artifact_root is not None and location.startswith("mlflow-artifacts:"):
            location = append_to_uri_path(artifact_root, "workspaces", workspace, str(experiment_id))
        return str(append_to_uri_path(location, run_id, self.ARTIFACTS_FOLDER_NAME))
