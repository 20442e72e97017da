"""Take back what a task began once somebody deletes that task, or its DAG run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.orm import Mapper, object_session

from aml_airflow.plugins.begun import Begun, begun_by_deleted, is_there
from aml_airflow.plugins.taking_back import take_back_all, threads

__all__ = ["listen_to_deletions"]

_TASK_INSTANCE = ("airflow.models.taskinstance", "TaskInstance")


def listen_to_deletions() -> None:
    """Hear of each task instance that this process deletes: for a user's request, alone or with its DAG run.

    Airflow has no listener for that; SQLAlchemy tells of every row that a session deletes. A whole DAG is deleted by
    statements that name no rows: of those nobody hears.
    """
    if not event.contains(Mapper, "before_delete", _hear):
        event.listen(Mapper, "before_delete", _hear)


def _hear(mapper: Mapper[Any], connection: Connection, instance: Any) -> None:
    """See what is to be taken back while it can be seen, and begin once the deletion has come to stay."""
    if (mapper.class_.__module__, mapper.class_.__name__) != _TASK_INSTANCE:
        return
    begun, session = begun_by_deleted(instance, connection), object_session(instance)
    if begun and session is not None:
        event.listen(session, "after_commit", lambda _: threads().submit(_take_back, begun), once=True)


def _take_back(begun: Collection[Begun]) -> None:
    """A DAG run that was created anew under the same id meanwhile has tasks of the same identity: theirs it is now."""
    take_back_all([one for one in begun if not is_there(one)])
