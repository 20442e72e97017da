"""Take back what a task began once somebody marks that task, also where neither worker nor triggerer hears of it."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

from airflow.listeners import hookimpl  # noqa: TID253  this is the leaf that Airflow loads
from airflow.plugins_manager import AirflowPlugin  # noqa: TID253  see above

from aml_airflow.plugins.begun import Begun, begun_by, begun_in
from aml_airflow.plugins.deleted_tasks import listen_to_deletions
from aml_airflow.plugins.taking_back import take_back_all, take_back_deferred, threads

__all__ = ["AmlMarkedTasksPlugin", "MarkedTasks"]

_OURS = "aml_airflow.triggers."
SECOND_LOOK_SECONDS = 15.0
"""A worker that submits while its task is marked may leave before its next heartbeat, a few seconds later."""


class MarkedTasks:
    """Listens to the API server, where a user's mark arrives: on a task, a group, or a whole DAG run.

    A trigger hears of a mark only while it runs, and before Airflow 3.3 never; a worker only with its next heartbeat,
    and nobody while a task waits for its next try. The trigger's row, and the fields that the worker rendered, are
    there when the mark arrives, and say what was begun. Where others hear of it too, the last one finds it done.
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

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        """Hear of a DAG run that was marked a success."""
        _hear_run(dag_run, msg)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """Hear of a DAG run that was marked failed, or, in the scheduler, whose ``dagrun_timeout`` is over."""
        _hear_run(dag_run, msg)


def _hear(previous_state: Any, task_instance: Any) -> None:
    """Begin to take back; the request that marks a task, and its transaction, wait for nothing here.

    Workers and the scheduler, which may give up a try but no run, name the state before.
    """
    if previous_state is not None:
        return
    row = task_instance.trigger if getattr(task_instance, "trigger_id", None) is not None else None
    if row is None:
        _end(begun_by(task_instance))
    elif row.classpath.startswith(_OURS):
        threads().submit(take_back_deferred, row.classpath, dict(row.kwargs))


def _hear_run(dag_run: Any, said: str) -> None:
    """Begin to take back what a DAG run's tasks began, unless the run came to its end by itself.

    Airflow says why it is over; nothing before 3.3 where somebody marked it.
    """
    if said in {"", "timed_out"} or "manually" in said:
        _end(begun_in(dag_run))


def _end(begun: Collection[Begun]) -> None:
    if begun:
        threads().submit(take_back_all, begun)
        again = threading.Timer(SECOND_LOOK_SECONDS, take_back_all, [begun])
        again.daemon = True
        again.start()


class AmlMarkedTasksPlugin(AirflowPlugin):
    """Brings the listeners."""

    name = "aml_marked_tasks"
    listeners = [MarkedTasks()]  # noqa: RUF012  Airflow reads it so

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Listen to deletions, too: no listener of Airflow's own hears of them."""
        del args, kwargs
        listen_to_deletions()
