"""Wait for a long-running task of a workspace, such as an image's build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import PokeReturnValue  # noqa: TID253  a leaf that Airflow loads

from aml_airflow.identity import ENDED
from aml_airflow.sensors.base import ADDRESS_FIELDS, AmlBaseSensor
from aml_airflow.triggers.task import AmlTaskTrigger
from aml_plugins.errors import OperationFailedError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Task

__all__ = ["AmlTaskSensor"]


class AmlTaskSensor(AmlBaseSensor):
    """Waits until a task of the workspace (``aml task list``) has ended well; returns its state.

    For a run's own task use ``AmlRunSensor``, which drives the run where nobody else does.

    :param aml_task_id: the task; Airflow has the name ``task_id`` for its own. (templated)
    """

    template_fields: Sequence[str] = ("aml_task_id", *ADDRESS_FIELDS)

    def __init__(self, *, aml_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aml_task_id = aml_task_id

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once."""
        del context
        from aml_plugins import Task  # noqa: PLC0415  DAG files are parsed without it

        with self.opened() as workspace:
            task = Task.get(workspace, self.aml_task_id)
            ended = task.record.state in ENDED
            return PokeReturnValue(ended, self._checked(task) if ended else None)

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> str:
        """Return the state in which the task ended."""
        del event
        return str(self.poke(context).xcom_value)

    def trigger(self) -> AmlTaskTrigger:
        """Return what waits in the triggerer."""
        return AmlTaskTrigger(aml_task_id=self.aml_task_id, poll_interval=self.poke_interval, **self.address.to_dict())

    def _checked(self, task: Task) -> str:
        if task.record.state != "Completed":
            raise OperationFailedError(f"The task {task.id} ended as {task.record.state}. {task.message}".rstrip())
        return task.record.state
