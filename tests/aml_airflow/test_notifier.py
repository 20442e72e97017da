"""A DAG tells those whom the workspace notifies, and its runs say what became of them."""

from __future__ import annotations

import json

import pytest
from services.webhook_receiver import running_receiver

from aml_plugins import Workspace
from aml_plugins.workspaces.notifications import Notification, add_notification

pytestmark = pytest.mark.xdist_group("airflow")

TEXT = """
from airflow.sdk import DAG, task
from aml_airflow.notifications.aml import AmlNotifier

with DAG("DAG_ID", schedule=None):
    @task.aml(target="local", experiment="told")
    def train():
        import os
        return os.environ["MLFLOW_RUN_ID"]

    told = AmlNotifier(message="{{ task.task_id }} of {{ dag.dag_id }}", run_ids=["{{ ti.xcom_pull('train') }}"])

    @task(CALLBACK=told)
    def use(run):
        BODY

    use(train())
"""


@pytest.mark.parametrize(
    ("callback", "airflows", "ours"),
    [("on_failure_callback", "failed", "Failed"), ("on_success_callback", "success", "Completed")],
)
def test_webhooks_and_runs_are_told(run_dag, monkeypatch, callback, airflows, ours):
    body = "return run" if airflows == "success" else "raise ValueError('no luck')"
    monkeypatch.setenv("AML_WEBHOOK_PRIVATE", "1")
    with running_receiver() as receiver:
        workspace = Workspace.get()
        wanted = Notification(name="hook", url=receiver.url, kinds=("airflow",))
        add_notification(workspace.context.store, "default", wanted)
        done = run_dag(TEXT.replace("CALLBACK", callback).replace("BODY", body))

        assert done["use", -1]["state"] == airflows
        ((_, sent),) = receiver.received
    told = json.loads(sent)["data"]
    dag_id = done["use", -1]["dag_id"]
    assert told["subject"] == f"{dag_id}.use"
    assert told["new"] == ours
    assert told["message"] == f"use of {dag_id}"
    tags = workspace.get_run(done["train", -1]["returned"]).get_tags()
    assert tags["airflow.state"] == airflows
    assert tags["airflow.message"] == f"use of {dag_id}"
