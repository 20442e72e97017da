"""Tell a workspace what became of a task or DAG run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseNotifier  # noqa: TID253  this is the leaf that Airflow loads

from aml_airflow.address import DEFAULT_CONNECTION, Address
from aml_airflow.operators.base import ADDRESS_FIELDS

if TYPE_CHECKING:
    from airflow.sdk import Context

    from aml_plugins import Workspace
    from aml_plugins.store.records import TaskEvent

__all__ = ["AmlNotifier"]

_WORDS = {"success": "Completed", "failed": "Failed", "late": "Late"}
_KIND = "airflow"


class AmlNotifier(BaseNotifier):
    """Tell whom the workspace notifies (``aml workspace notify``), and write the outcome on runs.

    Give it to ``on_failure_callback`` or ``on_success_callback`` of a task or DAG, or as
    ``AsyncCallback(AmlNotifier, kwargs={…})`` to a ``DeadlineAlert``. The event that webhooks get has the kind
    ``airflow``, as subject ``DAG.TASK`` or ``DAG``, and the state ``Completed``, ``Failed`` or ``Late``. It is kept in
    the outbox until a webhook took it. Of a server only the server sends: with one, runs are tagged, nothing is sent.

    :param message: a sentence for people. (templated)
    :param run_ids: runs that get the tags ``airflow.state`` and ``airflow.message``, such as
        ``["{{ ti.xcom_pull('train') }}"]``. (templated)
    :param aml_conn_id: a connection of the type ``aml``; where there is no ``aml_default``, the environment names store
        and workspace. (templated)
    :param workspace: a workspace, in place of the connection's. (templated)
    :param store: a store's URI without a password, in place of the connection's. (templated)
    :param context: what Airflow's triggerer gives who tells of a missed deadline.
    """

    template_fields: Sequence[str] = ("message", "run_ids", *ADDRESS_FIELDS)

    def __init__(
        self,
        *,
        message: str = "{{ dag_run.dag_id }} {{ run_id }}",
        run_ids: Sequence[str] = (),
        aml_conn_id: str = DEFAULT_CONNECTION,
        workspace: str | None = None,
        store: str | None = None,
        context: Context | None = None,
    ) -> None:
        super().__init__(_whole(context) if context else None)
        self.aml_conn_id = aml_conn_id
        self.message = message
        self.run_ids = run_ids
        self.workspace = workspace
        self.store = store

    def notify(self, context: Context) -> None:
        """Tag the runs and post the event."""
        self._tell(self._address.open(), context, _state(context))

    async def async_notify(self, context: Context) -> None:
        """Do the same in a triggerer, for a deadline that was missed; its event loop goes on meanwhile."""
        connection = await self._address.aconnection()
        await asyncio.to_thread(lambda: self._tell(self._address.open_by(connection), context, "late"))

    @property
    def _address(self) -> Address:
        return Address(aml_conn_id=self.aml_conn_id, workspace=self.workspace, store=self.store)

    def _tell(self, workspace: Workspace, context: Context, state: str) -> None:
        try:
            for run_id in filter(None, self.run_ids):
                run = workspace.get_run(run_id)
                run.tag("airflow.state", state)
                run.tag("airflow.message", self.message)
            _post(workspace, self._event(workspace, context, state))
        finally:
            workspace.close()

    def _event(self, workspace: Workspace, context: Context, state: str) -> TaskEvent:
        from aml_plugins.store.records import TaskEvent  # noqa: PLC0415  DAG files are parsed without it

        instance: Any = context.get("ti")
        run: Any = context.get("dag_run")
        dag = str(instance.dag_id if instance is not None else run.dag_id)
        subject = f"{dag}.{instance.task_id}" if instance is not None else dag
        run_id = str(instance.run_id if instance is not None else run.run_id)
        return TaskEvent(
            workspace=workspace.name,
            task_id=f"{_KIND}/{subject}/{run_id}",
            kind=_KIND,
            subject=subject,
            time=time.time(),
            new=_WORDS[state],
            message=self.message,
        )


def _whole(context: Context) -> Context:
    """Return a triggerer's context, which has the DAG run as plain data alone, with the names that messages use."""
    run: Any = context.get("dag_run")
    if not isinstance(run, Mapping):
        return context
    run = SimpleNamespace(**{**run, "run_id": run["dag_run_id"]})
    return cast("Context", {**context, "dag_run": run, "run_id": run.run_id})


def _state(context: Context) -> str:
    """Return what became of it: an exception is there when a task failed; a DAG run has its state."""
    if context.get("exception") is not None:
        return "failed"
    instance: Any = context.get("ti")
    run: Any = context.get("dag_run")
    states = [str(getattr(thing, "state", "") or "").rpartition(".")[2].lower() for thing in (instance, run)]
    return "failed" if any(state in {"failed", "up_for_retry"} for state in states) else "success"


def _post(workspace: Workspace, event: TaskEvent) -> None:
    """Keep the event for the webhooks, and give it a moment to be taken: Airflow ends this process without a word."""
    from aml_plugins.home import aml_home  # noqa: PLC0415  DAG files are parsed without it
    from aml_plugins.store.opening import is_server  # noqa: PLC0415  as above
    from aml_plugins.tasks.courier import Posting, courier_of  # noqa: PLC0415  as above
    from aml_plugins.workspaces.settings import settings  # noqa: PLC0415  as above

    store = workspace.context.store
    Posting(store, aml_home(), lambda name: settings(store, name)).post(event)
    if not is_server(store.uri):
        courier_of(store, aml_home()).finish()
