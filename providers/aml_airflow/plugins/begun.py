"""What tasks have begun that neither a worker nor a trigger looks after at this moment, and how it is taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aml_airflow.address import DEFAULT_CONNECTION, Address
from aml_airflow.identity import ENDED, is_maker, newest_run, same_maker
from aml_plugins.errors import NotFoundError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from aml_plugins import Workspace

__all__ = ["Begun", "begun_by", "begun_by_deleted", "begun_in", "is_there"]


@dataclass(frozen=True, slots=True)
class Begun:
    """A try of a task instance, and the fields that its worker wrote down before it began anything.

    :param fields: the rendered templates of its operator; the workspace is among them.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    fields: Mapping[str, Any] = field(repr=False)

    @property
    def address(self) -> Address:
        """The workspace in which the task works."""
        named = {name: self.fields.get(name) or None for name in ("workspace", "store")}
        return Address(aml_conn_id=self.fields["aml_conn_id"] or DEFAULT_CONNECTION, **named)

    def take_back(self, workspace: Workspace) -> bool:
        """End what the try has begun and nobody has delivered; say whether there was anything."""
        return any([self._cancel_run(workspace), self._delete_service(workspace), self._stop_creation(workspace)])

    def _cancel_run(self, workspace: Workspace) -> bool:
        run = newest_run(workspace, self)
        if run is None or run.status in ENDED:
            return False
        if int(run.get_tags().get("airflow.try_number", 0)) > self.try_number:
            return False  # somebody has cleared the task meanwhile, and has a run of his own
        run.cancel()
        workspace.driver.release()  # this thread's own: another one may have to take the lease
        return True

    def _delete_service(self, workspace: Workspace) -> bool:
        from aml_plugins import Service  # noqa: PLC0415  only where somebody has marked something

        with suppress(NotFoundError):
            service = Service.get(workspace, str(self.fields.get("service_name")))
            if service.record.generation == 0 and same_maker(service.record.tags, self):
                service.delete(wait=False)
                return True
        return False

    def _stop_creation(self, workspace: Workspace) -> bool:
        if "compute_type" not in self.fields:
            return False
        operation = workspace.compute_operation(str(self.fields["compute_name"]))
        if operation is None or operation.state != "Creating" or not is_maker(operation.maker, self):
            return False  # somebody else began it: this task only waited for it
        operation.cancel()
        return True


def begun_by(task_instance: Any) -> list[Begun]:
    """Return what a task instance in Airflow's database may have begun; nothing for an operator of somebody else."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields  # where the database is
    from sqlalchemy.orm import object_session  # noqa: PLC0415  as above

    session = object_session(task_instance)
    if session is None:
        return []  # not the API server: a worker has none
    return _ours([(task_instance, RenderedTaskInstanceFields.get_templated_fields(task_instance, session=session))])


def begun_in(dag_run: Any) -> list[Begun]:
    """Return what the tasks of a DAG run that are over may have begun."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.state import State
    from sqlalchemy import select  # noqa: PLC0415  as above
    from sqlalchemy.orm import object_session  # noqa: PLC0415  as above

    same = [getattr(Rendered, name) == getattr(TaskInstance, name) for name in _KEY]
    rows = (
        select(TaskInstance, Rendered)
        .join(Rendered, onclause=same[0] & same[1] & same[2] & same[3])
        .where(TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
        .where(TaskInstance.state.in_(State.finished))
    )
    session = object_session(dag_run)
    found = session.execute(rows).all() if session is not None else []
    return _ours((instance, rendered.rendered_fields) for instance, rendered in found)


def begun_by_deleted(task_instance: Any, connection: Connection) -> list[Begun]:
    """Return what a task instance that is being deleted may have begun, unless it has succeeded.

    :param connection: the one that deletes it; its rendered fields are still there.
    """
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from sqlalchemy import select  # noqa: PLC0415  where the database is

    if task_instance.state == "success":
        return []
    same = [getattr(Rendered, name) == getattr(task_instance, name) for name in _KEY]
    return _ours([(task_instance, connection.scalar(select(Rendered.rendered_fields).where(*same)))])


def is_there(one: Begun) -> bool:
    """Say whether Airflow has the task instance: it may have been created anew."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select  # noqa: PLC0415  where the database is

    same = [getattr(TaskInstance, name) == getattr(one, name) for name in _KEY]
    with create_session() as session:
        return session.scalar(select(TaskInstance.id).where(*same)) is not None


_KEY = ("dag_id", "run_id", "task_id", "map_index")


def _ours(rows: Iterable[tuple[Any, Any]]) -> list[Begun]:
    return [
        Begun(one.dag_id, one.run_id, one.task_id, one.map_index, one.try_number, dict(fields))
        for one, fields in rows
        if isinstance(fields, Mapping) and "aml_conn_id" in fields
    ]
