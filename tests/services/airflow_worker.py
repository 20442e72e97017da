"""What an Airflow scheduler and worker do to one task at a time, told by JSON lines; a process that tests may kill.

Real Airflow: DAG files are parsed, synced and serialised, tasks run under the Task SDK's supervisor against the
Execution API. Only the scheduler's loop is missing, so that a test decides what happens when.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch
from uuid import UUID

import httpx
from airflow.api.common.mark_tasks import set_dag_run_state_to_failed
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.listeners.listener import get_listener_manager
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.providers_manager import ProvidersManager
from airflow.sdk import DAG, timezone
from airflow.sdk.api.client import ServerResponseError
from airflow.sdk.api.datamodels._generated import TaskInstance as SentTaskInstance
from airflow.sdk.execution_time import supervisor
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select

from aml_airflow.plugins import taking_back
from aml_plugins.plugins.loading import default_plugins

try:
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    NAMED = {"bundle_name": "dags-folder"}
except ImportError:  # before Airflow 3.2
    from airflow.models.dagbag import BundleDagBag, sync_bag_to_db

    NAMED = {}

DAGS: dict[str, DAG] = {}
HEAVY = ("aml_airflow.operators.run", "aml_plugins.mlflow_store.tracking", "aml_plugins.mlflow_store.models")
UNKNOWN = (ValueError, ServerResponseError)  # the latter before Airflow 3.2
PR_SET_PDEATHSIG = 1
"""Of prctl(2): the process ends with its parent."""


def load(file: str) -> list[str]:
    """Parse a DAG file and write its DAGs into the database, as the DAG processor does."""
    let_listeners_end()
    manager = DagBundlesManager()
    folder = next(iter(manager.get_all_dag_bundles())).path
    bag = BundleDagBag(dag_folder=file, bundle_path=Path(folder), **NAMED)
    assert not bag.import_errors, bag.import_errors
    with create_session() as session:
        manager.sync_bundles_to_db(session=session)
    with create_session() as session:
        sync_bag_to_db(bag, "dags-folder", None, session=session)
    DAGS.update(bag.dags)
    return sorted(bag.dags)


def let_listeners_end() -> None:
    """Leave nothing going on that an earlier test's marks began: it asks for connections beside the next task.

    Airflow's supervisor for tests takes what a task speaks with away from all threads while one speaks.
    """
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.cancel()
            timer.join()
    if taking_back.threads.cache_info().currsize:
        taking_back.threads().shutdown()
        taking_back.threads.cache_clear()


def test_dag(dag_id: str, conf: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: PT028  an action, no test
    """Run a whole DAG with ``DAG.test``."""
    run = DAGS[dag_id].test(run_conf=conf)
    return {"state": run.state, "tasks": [told(instance) for instance in run.get_task_instances()]}


def create(dag_id: str, run_id: str) -> None:
    """Create a DAG run; nothing of it runs yet."""
    now = timezone.utcnow()
    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
        assert dag is not None
        dag.create_dagrun(
            run_id=run_id,
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            triggered_by=DagRunTriggeredByType.TEST,
            session=session,
        )


def attempt(dag_id: str, run_id: str, interrupt: tuple[str, int | str] | None = None) -> dict[str, Any]:
    """Run the next try of the DAG's only task.

    :param interrupt: ``module:name`` and a signal that this process gets right after that function returned, or the
        name of an action here that is done then.
    """
    task = DAGS[dag_id].tasks[0]
    with create_session() as session:
        instance = find(session, dag_id, run_id)
        instance.try_number += 1
        instance.state = TaskInstanceState.QUEUED
        sent = SentTaskInstance(
            id=UUID(str(instance.id)),
            task_id=task.task_id,
            dag_id=dag_id,
            run_id=run_id,
            try_number=instance.try_number,
            map_index=instance.map_index,
            dag_version_id=UUID(str(instance.dag_version_id)),
        )
    with interrupted(interrupt, dag_id, run_id):
        try:
            error = supervisor.run_task_in_process(ti=sent, task=task).error
        except UNKNOWN as unknown:  # Airflow's supervisor for tests has no word for a task that was marked meanwhile
            if interrupt is None:
                raise
            error = unknown
    with create_session() as session:
        return {**told(find(session, dag_id, run_id)), "error": str(error or "")}


def lost(dag_id: str, run_id: str) -> dict[str, Any]:
    """Find out that the worker is gone, as the scheduler does by missing heartbeats."""
    with create_session() as session:
        instance = find(session, dag_id, run_id)
        instance.task = DBDagBag().get_latest_version_of_dag(dag_id, session=session).get_task(instance.task_id)
        instance.handle_failure(error="The worker is gone.", session=session)
        return told(instance)


def mark(dag_id: str, run_id: str) -> None:
    """Mark the task failed, and tell the listeners, as the API server does for a user."""
    with create_session() as session:
        instance = find(session, dag_id, run_id)
        instance.set_state(TaskInstanceState.FAILED, session=session)
        get_listener_manager().hook.on_task_instance_failed(previous_state=None, task_instance=instance, error="")


def mark_run(dag_id: str, run_id: str) -> None:
    """Mark the DAG run failed, and tell the listeners, as the API server does for a user."""
    with create_session() as session:
        dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
        set_dag_run_state_to_failed(dag=dag, run_id=run_id, commit=True, session=session)
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        get_listener_manager().hook.on_dag_run_failed(dag_run=run, msg="")


def time_out_run(dag_id: str, run_id: str) -> None:
    """End a DAG run as the scheduler does after its ``dagrun_timeout``."""
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        run.set_state(DagRunState.FAILED)
        find(session, dag_id, run_id).state = TaskInstanceState.SKIPPED
        session.flush()
        run.notify_dagrun_state_changed(msg="timed_out")


def clear(dag_id: str, run_id: str) -> dict[str, Any]:
    """Clear the task, as a user does who wants it run again."""
    with create_session() as session:
        clear_task_instances([find(session, dag_id, run_id)], session)
    with create_session() as session:
        return told(find(session, dag_id, run_id))


def delete_run(dag_id: str, run_id: str) -> None:
    """Delete the DAG run."""
    with create_session() as session:
        session.delete(session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)))


def providers() -> dict[str, Any]:
    """Return what Airflow knows of our provider."""
    found = ProvidersManager().providers["aml-plugins"]
    return {"version": found.version, "operators": found.data["operators"]}


def connection_form(connection_type: str) -> dict[str, Any]:
    """Return what the UI's form for a connection type shows."""
    manager = ProvidersManager()
    widgets = manager.connection_form_widgets
    behaviour = manager.field_behaviours[connection_type]
    prefix = f"extra__{connection_type}__"
    hook = manager.hooks[connection_type]
    assert hook is not None
    return {
        "name": hook.hook_name,
        "fields": {
            key.removeprefix(prefix): widget.field["schema"]["title"]
            for key, widget in widgets.items()
            if key.startswith(prefix)
        },
        "relabeling": dict(behaviour["relabeling"]),
        "hidden": list(behaviour["hidden_fields"]),
    }


def evaluate(function: str, given: Any, connections: dict[str, str]) -> Any:
    """Return what a function, ``FILE:NAME``, returns where these connections are in the environment."""
    file, _, name = function.rpartition(":")
    with patch.dict(os.environ, {f"AIRFLOW_CONN_{key.upper()}": value for key, value in connections.items()}):
        return runpy.run_path(file)[name](given)


def find(session: Any, dag_id: str, run_id: str) -> TaskInstance:
    query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    return session.scalars(query).one()


def told(instance: TaskInstance) -> dict[str, Any]:
    values = {"state": instance.state, "try_number": instance.try_number, "map_index": instance.map_index}
    returned = instance.xcom_pull(task_ids=instance.task_id, map_indexes=instance.map_index)
    return {**values, "task_id": instance.task_id, "returned": returned}


@contextmanager
def interrupted(at: tuple[str, int | str] | None, dag_id: str, run_id: str) -> Iterator[None]:
    """Send this process a signal, or do something to the task, where a function returns."""
    if at is None:
        yield
        return
    module, _, names = at[0].partition(":")
    owner: Any = importlib.import_module(module)
    *path, name = names.split(".")
    for part in path:
        owner = getattr(owner, part)
    original = getattr(owner, name)

    def then_killed(*arguments: Any, **named: Any) -> Any:
        value = original(*arguments, **named)
        if isinstance(at[1], str):
            ACTIONS[at[1]](dag_id, run_id)
        else:
            os.kill(os.getpid(), at[1])
        return value

    with patch.object(owner, name, then_killed):
        yield


ACTIONS: dict[str, Callable[..., Any]] = {
    action.__name__: action
    for action in (
        load,
        test_dag,
        create,
        attempt,
        lost,
        mark,
        mark_run,
        time_out_run,
        clear,
        delete_run,
        providers,
        connection_form,
        evaluate,
    )
}


def serve(replies: IO[str]) -> None:
    """Answer until the input ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    print(json.dumps({"pid": os.getpid()}), file=replies, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        os.environ.update(request.pop("environment"))
        try:
            reply = json.dumps({"value": ACTIONS[request.pop("do")](**request)})
        except BaseException:  # noqa: BLE001  the test that asked is to show it
            reply = json.dumps({"trouble": traceback.format_exc()})
        print(reply, file=replies, flush=True)


async def make_execution_api() -> None:
    """Ask it for nothing in particular: it is made with its first request, which takes seconds."""
    transport = httpx.ASGITransport(supervisor.in_process_api_server().app)
    async with httpx.AsyncClient(transport=transport, base_url="http://in-process.invalid") as client:
        await client.get("/")


def main() -> None:
    """Have a process serve, and another one where that is killed: importing everything costs as much as ten tasks."""
    for name in HEAVY:
        importlib.import_module(name)
    get_listener_manager()
    default_plugins()
    asyncio.run(make_execution_api())
    with os.fdopen(int(sys.argv[1]), "w") as replies:
        while True:
            child = os.fork()
            if not child:
                serve(replies)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                return
            print(json.dumps({"killed": os.WTERMSIG(status)}), file=replies, flush=True)


if __name__ == "__main__":
    main()
