"""Creating runs with one statement for the run and one for its tags."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Query, Session

from aml_plugins.mlflow_store.fast.seams import (
    RUN_NAME_TAG,
    LifecycleStage,
    MlflowException,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunStatus,
    RunTag,
    SourceType,
    append_to_uri,
    models,
    random_run_name,
    run_name_of_tags,
    runs,
    tags,
)
from aml_plugins.mlflow_store.fast.writing import Writing

_ARTIFACTS = "artifacts"
_INTEGER = range(2**31)
_BIG_INTEGER = range(-(2**63), 2**63)


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What a caller asks for when a run is created."""

    run_id: str
    experiment_id: str
    user_id: str
    start_time: int
    tags: list[RunTag]
    run_name: str | None


class FastRuns(Writing):
    """Override the creation of a run."""

    def create_run(
        self, experiment_id: str, user_id: str, start_time: int, tags: list[RunTag] | None, run_name: str | None
    ) -> Run:
        request = (experiment_id, user_id, start_time, tags, run_name)
        new = NewRun(
            run_id=uuid.uuid4().hex,
            experiment_id=experiment_id,
            user_id=user_id,
            start_time=start_time,
            tags=list(tags or ()),
            run_name=run_name,
        )
        if not self._is_covered() or not _is_plain(new):
            return super().create_run(*request)
        with self.ManagedSessionMaker(read_only=False) as session:
            return self._insert_run(session, new)

    def _insert_run(self, session: Session, new: NewRun) -> Run:
        connection = self._begin_write(session)
        location = self._location_of_active(session, new.experiment_id)
        artifact_uri = append_to_uri(location, new.run_id, _ARTIFACTS)
        name = new.run_name or run_name_of_tags(new.tags) or random_run_name()
        row = _row_of(new, name, artifact_uri)
        connection.execute(sa.insert(runs), row)
        all_tags = new.tags if run_name_of_tags(new.tags) else [*new.tags, RunTag(RUN_NAME_TAG, name)]
        connection.execute(
            sa.insert(tags), [{"key": tag.key, "value": tag.value, "run_uuid": new.run_id} for tag in all_tags]
        )
        return _entity_of(row, all_tags)

    def _location_of_active(self, session: Session, experiment_id: str) -> str | None:
        """Return where the experiment keeps its artifacts, as is; raise MLflow's own error where it takes no runs."""
        query: Query[Any] = self._get_query(session, models.SqlExperiment).with_entities(
            models.SqlExperiment.lifecycle_stage, models.SqlExperiment.artifact_location
        )
        found = query.filter(models.SqlExperiment.experiment_id == int(experiment_id)).first()
        if found is None or found[0] != LifecycleStage.ACTIVE:
            self._check_experiment_is_active(self.get_experiment(experiment_id))
            raise MlflowException(f"Experiment '{experiment_id}' changed while a run was created. Try again.")
        location: str | None = found[1]
        return location


def _is_plain(new: NewRun) -> bool:
    """Tell whether the request is of the usual kind; MLflow's own path decides about all others."""
    keys = [tag.key for tag in new.tags]
    tagged = run_name_of_tags(new.tags)
    return (
        _fits(new.experiment_id, 10)
        and new.experiment_id.isdecimal()
        and str(int(new.experiment_id)) == new.experiment_id
        and int(new.experiment_id) in _INTEGER
        and _fits(new.user_id, 256)
        and _is_milliseconds(new.start_time)
        and (new.run_name is None or _fits(new.run_name, 250))
        and (tagged is None or _fits(tagged, 250))
        and not (new.run_name and tagged and new.run_name != tagged)
        and all(_fits(tag.key, 250) and _fits(tag.value, 8000) for tag in new.tags)
        and len(set(keys)) == len(keys)
        and (bool(tagged) or RUN_NAME_TAG not in keys)
    )


def _is_milliseconds(value: object) -> bool:
    return type(value) is int and value in _BIG_INTEGER


def _fits(value: object, width: int) -> bool:
    return isinstance(value, str) and len(value) <= width


def _row_of(new: NewRun, name: str, artifact_uri: str) -> dict[str, Any]:
    return {
        "run_uuid": new.run_id,
        "name": name,
        "artifact_uri": artifact_uri,
        "experiment_id": int(new.experiment_id),
        "source_type": SourceType.to_string(SourceType.UNKNOWN),
        "source_name": "",
        "entry_point_name": "",
        "user_id": new.user_id,
        "status": RunStatus.to_string(RunStatus.RUNNING),
        "start_time": new.start_time,
        "end_time": None,
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": LifecycleStage.ACTIVE,
    }


def _entity_of(row: dict[str, Any], all_tags: list[RunTag]) -> Run:
    info = RunInfo(
        run_id=row["run_uuid"],
        run_name=row["name"],
        experiment_id=str(row["experiment_id"]),
        user_id=row["user_id"],
        status=row["status"],
        start_time=row["start_time"],
        end_time=None,
        lifecycle_stage=row["lifecycle_stage"],
        artifact_uri=row["artifact_uri"],
    )
    return Run(info, RunData(metrics=[], params=[], tags=all_tags), RunInputs(dataset_inputs=[]))
