"""From a task to its run: in MLflow's UI, and in the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink  # noqa: TID253  a leaf that Airflow loads

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import RuntimeTaskInstanceProtocol, TaskInstanceKey

    from aml_plugins import Run

__all__ = ["RUN_LINKS", "AmlConsoleLink", "AmlRunLink", "publish_links"]


class AmlRunLink(BaseOperatorLink):
    """The run in MLflow's UI."""

    name = "MLflow run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, in the worker; Airflow's UI has it from there. Empty where no server is known."""
        del ti_key
        return _links(operator).get(self.xcom_key, "")


class AmlConsoleLink(BaseOperatorLink):
    """The run in the console: live log, progress, files."""

    name = "AML console"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address, in the worker; Airflow's UI has it from there. Empty where no server is known."""
        del ti_key
        return _links(operator).get(self.xcom_key, "")


RUN_LINKS = (AmlRunLink(), AmlConsoleLink())


def publish_links(operator: BaseOperator, instance: RuntimeTaskInstanceProtocol, run: Run, server: str | None) -> None:
    """Let the task have its links from now on, while it still runs.

    :param server: the address under which people open the server; None for the store's own, or ``AML_SERVER_URL``.
    """
    found = run_links(run, server)
    operator.__dict__["_aml_links"] = found
    for key, link in found.items():
        instance.xcom_push(key=key, value=link)


def run_links(run: Run, server: str | None) -> dict[str, str]:
    """Return the run's addresses by the keys of their links; none where no server is known that would show it."""
    from aml_plugins.runs.console_link import CONSOLE_TAG, console_link_tags  # noqa: PLC0415  not to parse DAG files

    if run.record is None:
        return {}
    console = console_link_tags(server or run.workspace.context.store.uri, run.record).get(CONSOLE_TAG)
    if console is None:
        return {}
    base = console.partition("/aml/workspaces/")[0]
    page = f"experiments/{quote(run.record.experiment_id, safe='')}/runs/{quote(run.id, safe='')}"
    mlflow = f"{base}/#/{page}?workspace={quote(run.record.workspace, safe='')}"
    return {AmlRunLink().xcom_key: mlflow, AmlConsoleLink().xcom_key: console}


def _links(operator: Any) -> dict[str, str]:
    found: dict[str, str] = operator.__dict__.get("_aml_links", {})
    return found
