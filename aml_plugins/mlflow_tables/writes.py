"""Runs with an id that was chosen beforehand, and their states."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, text, update

from aml_plugins.errors import AmlError, InvalidInputError, NotFoundError
from aml_plugins.mlflow_tables.reads import Place, no_such_run
from aml_plugins.mlflow_tables.run_names import random_name
from aml_plugins.mlflow_tables.tables import experiments, runs
from aml_plugins.store.sql.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from aml_plugins.runs.states import MlflowStatus
    from aml_plugins.store.sql.database import Database

__all__ = ["ACTIVE", "DELETED", "TAG_CHARACTERS", "NewRun", "create_run", "set_status", "set_tags"]

ACTIVE, DELETED = "active", "deleted"
"""MLflow's life cycle stages."""
TAG_CHARACTERS = 8000
"""MLflow's longest value of a tag; a longer one is cut, as it cuts its own."""

_RUN_NAME, _USER, _PARENT = "mlflow.runName", "mlflow.user", "mlflow.parentRunId"
_EXISTS = select(runs.c.artifact_uri, runs.c.experiment_id).where(runs.c.run_uuid == bindparam("run"))
_IS_OF_WORKSPACE = (
    select(experiments.c.experiment_id)
    .where(experiments.c.experiment_id == runs.c.experiment_id, experiments.c.workspace == bindparam("of"))
    .exists()
)
_LOCATION = Prepared(
    select(experiments.c.artifact_location, experiments.c.lifecycle_stage).where(
        experiments.c.experiment_id == bindparam("experiment"), experiments.c.workspace == bindparam("of")
    )
)
_SET_STATUS = update(runs).where(runs.c.run_uuid == bindparam("run"), _IS_OF_WORKSPACE).values(status=bindparam("to"))
_STATUS = Prepared(_SET_STATUS)
_END = Prepared(_SET_STATUS.values(end_time=bindparam("at")))
# In SQL, for SQLAlchemy has this clause in every dialect's own words only, and another dialect's cost its import.
_INSERT_RUN = Prepared(
    text(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
        " source_version, lifecycle_stage, artifact_uri, experiment_id) SELECT :run_uuid, :name, 'UNKNOWN', '', '',"
        " :user_id, 'SCHEDULED', :start_time, '', 'active', :artifact_uri, experiment_id FROM experiments"
        " WHERE experiment_id = :experiment_id AND workspace = :of AND lifecycle_stage = 'active'"
        " AND artifact_location = :location ON CONFLICT DO NOTHING"
    )
)
_SET_TAG = Prepared(
    text(
        'INSERT INTO tags ("key", value, run_uuid) VALUES (:key, :value, :run)'
        ' ON CONFLICT ("key", run_uuid) DO UPDATE SET value = excluded.value'
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be. ``start_time`` in milliseconds since the epoch; None for now."""

    run_id: str
    experiment_id: str
    name: str | None
    tags: Mapping[str, str]
    user: str = ""
    parent_run_id: str | None = None
    start_time: int | None = None


def create_run(
    database: Database, workspace: str, new: NewRun, place_below: Callable[[str], str], location: str | None = None
) -> Place:
    """Create a run with status SCHEDULED; one that exists stays as it is.

    :param place_below: says where the run's artifacts go, from its experiment's location.
    :param location: the experiment's, where the caller has read it; it is asked for where it is another by now.
    :returns: where its artifacts go, and its experiment's id.
    :raises NotFoundError: where the workspace has no such experiment.
    :raises InvalidInputError: where the experiment is deleted, or has no place for artifacts.
    """
    place = None if location is None else _insert(database, workspace, new, place_below, location)
    if place is not None:
        return place
    found = _location(database, workspace, new.experiment_id)
    if isinstance(found, AmlError):
        return _existing(database, new.run_id, found)
    place = _insert(database, workspace, new, place_below, found)
    return place or _existing(database, new.run_id, no_such_run(new.run_id))


def _insert(
    database: Database, workspace: str, new: NewRun, place_below: Callable[[str], str], location: str
) -> Place | None:
    """Create the run; return None where there is one, or its experiment is not active there."""
    # Before the transaction: whoever finds the place may have to open the database, too.
    place = Place(place_below(location), new.experiment_id)
    name = new.name or random_name()
    known = {_RUN_NAME: name, _USER: new.user, _PARENT: new.parent_run_id or ""}
    row = {
        "run_uuid": new.run_id,
        "name": name,
        "user_id": new.user,
        "start_time": int(time.time() * 1000) if new.start_time is None else new.start_time,
        "artifact_uri": place.artifact_uri,
        "experiment_id": int(new.experiment_id),
        "of": workspace,
        "location": location,
    }
    with database.writing() as connection:
        if not _INSERT_RUN.count(connection, row):
            return None
        set_tags(connection, new.run_id, {key: value for key, value in known.items() if value} | dict(new.tags))
    return place


def set_status(
    database: Database,
    workspace: str,
    run_id: str,
    status: MlflowStatus,
    *,
    end_time: int | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Set the status as the job has it, and tags with it, of a run that is deleted too: it may be restored.

    Nobody's wish, so nothing is cancelled whatever the status.

    :raises NotFoundError: where the workspace has no such run.
    """
    values: dict[str, Any] = {"run": run_id, "of": workspace, "to": status}
    change = _STATUS
    if end_time is not None:
        change, values["at"] = _END, end_time
    with database.writing() if tags else database.writing_once() as connection:
        if not change.count(connection, values):
            raise no_such_run(run_id)
        set_tags(connection, run_id, tags or {})


def set_tags(connection: Connection, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run within a transaction; a value that is too long is cut."""
    rows = [{"run": run_id, "key": key, "value": value[:TAG_CHARACTERS]} for key, value in tags.items()]
    if rows:
        _SET_TAG.many(connection, rows)


def _location(database: Database, workspace: str, experiment_id: str) -> str | AmlError:
    with database.reading() as connection:
        rows = _LOCATION.rows(connection, {"experiment": int(experiment_id), "of": workspace})
    if not rows:
        return NotFoundError(f"There is no experiment {experiment_id} in this workspace.", "Check the workspace.")
    if rows[0][1] != ACTIVE:
        return InvalidInputError(f"The experiment {experiment_id} must be in the 'active' state; it is deleted.", "")
    if rows[0][0] is None:  # MLflow's table allows it, and MLflow makes no runs there either
        return InvalidInputError(f"The experiment {experiment_id} has no place for artifacts.", "Use another one.")
    return str(rows[0][0])


def _existing(database: Database, run_id: str, otherwise: AmlError) -> Place:
    """Return where a run is that somebody created before.

    :raises AmlError: ``otherwise``, where nobody did.
    """
    with database.reading() as connection:
        found = connection.execute(_EXISTS, {"run": run_id}).first()
    if found is None:
        raise otherwise
    return Place(str(found[0]), str(found[1]))
