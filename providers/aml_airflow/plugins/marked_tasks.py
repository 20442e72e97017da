"""Take back what a deferred task began once somebody marks that task, also where no triggerer hears of it."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl  # noqa: TID253  this is the leaf that Airflow loads
from airflow.plugins_manager import AirflowPlugin  # noqa: TID253  see above

from aml_plugins.errors import AmlError

if TYPE_CHECKING:
    from aml_airflow.triggers.base import AmlBaseTrigger

__all__ = ["AmlMarkedTasksPlugin", "MarkedTasks"]

logger = logging.getLogger(__name__)

_OURS = "aml_airflow.triggers."
THREADS = 4


class MarkedTasks:
    """Listens to the API server, where a user's mark arrives: on a task, a group, or a whole DAG run.

    A trigger hears of a mark only while it runs, and before Airflow 3.3 never. Its row is still there when the mark
    arrives, and says what was to be waited for. Where the trigger does run both take back; the second finds it done.
    """

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        """Hear of a task that was marked a success."""
        _hear(previous_state, task_instance)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        """Hear of a task that was marked failed."""
        del error
        _hear(previous_state, task_instance)

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        """Hear of a task that was marked skipped."""
        _hear(previous_state, task_instance)


def _hear(previous_state: Any, task_instance: Any) -> None:
    """Begin to take back; the request that marks a task, and its transaction, wait for nothing here.

    A worker's task instance has no trigger. The scheduler, which may give up a try but no run, names the state before.
    """
    if previous_state is not None or getattr(task_instance, "trigger_id", None) is None:
        return
    row = task_instance.trigger
    if row is not None and row.classpath.startswith(_OURS):
        _threads().submit(_take_back, row.classpath, dict(row.kwargs))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="aml-marked")


def _take_back(kind: str, arguments: dict[str, Any]) -> None:
    """Do what the trigger would do that a user kills, and leave the rest to a monitor."""
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  only where somebody has marked something

    module, _, name = kind.rpartition(".")
    try:
        trigger: AmlBaseTrigger = getattr(import_module(module), name)(**arguments)
        with closing(trigger.address.open()) as workspace:
            trigger.take_back(workspace)
            ensure_monitor(workspace.context)
    except AmlError as error:
        logger.warning("A task was marked, and what it began may go on: %s (%s)", error, arguments)
    except Exception:  # nobody else would tell
        logger.exception("A task was marked, and what it began may go on: %s", arguments)


class AmlMarkedTasksPlugin(AirflowPlugin):
    """Brings the listener."""

    name = "aml_marked_tasks"
    listeners = [MarkedTasks()]  # noqa: RUF012  Airflow reads it so
