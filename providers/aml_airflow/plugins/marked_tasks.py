"""Take back what a task began once somebody marks that task, also where neither worker nor triggerer hears of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl  # noqa: TID253  this is the leaf that Airflow loads
from airflow.plugins_manager import AirflowPlugin  # noqa: TID253  see above

from aml_airflow.plugins.begun import Begun, begun_by, begun_in
from aml_plugins.errors import AmlError

if TYPE_CHECKING:
    from aml_airflow.address import Address
    from aml_airflow.triggers.base import AmlBaseTrigger
    from aml_plugins import Workspace

__all__ = ["AmlMarkedTasksPlugin", "MarkedTasks"]

logger = logging.getLogger(__name__)

_OURS = "aml_airflow.triggers."
THREADS = 4
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
        _threads().submit(_take_back_deferred, row.classpath, dict(row.kwargs))


def _hear_run(dag_run: Any, said: str) -> None:
    """Begin to take back what a DAG run's tasks began, unless the run came to its end by itself.

    Airflow says why it is over; nothing before 3.3 where somebody marked it.
    """
    if said in {"", "timed_out"} or "manually" in said:
        _end(begun_in(dag_run))


def _end(begun: Collection[Begun]) -> None:
    if begun:
        _threads().submit(_take_back_all, begun)
        again = threading.Timer(SECOND_LOOK_SECONDS, _take_back_all, [begun])
        again.daemon = True
        again.start()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="aml-marked")


def _take_back_deferred(kind: str, arguments: dict[str, Any]) -> None:
    """Do what the trigger would do that a user kills."""
    module, _, name = kind.rpartition(".")
    trigger: AmlBaseTrigger = getattr(import_module(module), name)(**arguments)
    _in_workspace(trigger.address, trigger.take_back, arguments)


def _take_back_all(begun: Collection[Begun]) -> None:
    """Do what the workers would do that are killed; what fails for one is no reason to leave the others."""
    for address in {one.address for one in begun}:
        here = [one for one in begun if one.address == address]

        def take_back(workspace: Workspace, here: Collection[Begun] = here) -> None:
            for one in here:
                with _told(one):
                    one.take_back(workspace)

        _in_workspace(address, take_back, here)


def _in_workspace(address: Address, take_back: Callable[[Workspace], object], what: object) -> None:
    """Have something taken back, and leave the rest to a monitor."""
    from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  only where somebody has marked something

    with _told(what), closing(address.open()) as workspace:
        take_back(workspace)
        ensure_monitor(workspace.context)


@contextmanager
def _told(what: object) -> Iterator[None]:
    """Write into the log what could not be taken back: nobody else would tell."""
    try:
        yield
    except AmlError as error:
        logger.warning("A task was marked, and what it began may go on: %s (%s)", error, what)
    except Exception:
        logger.exception("A task was marked, and what it began may go on: %s", what)


class AmlMarkedTasksPlugin(AirflowPlugin):
    """Brings the listener."""

    name = "aml_marked_tasks"
    listeners = [MarkedTasks()]  # noqa: RUF012  Airflow reads it so
