"""What happens to a model triggers the DAGs that wait for it, whoever registers it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from services.airflow_versions import since_airflow
from services.airflow_world import AirflowWorld, until

from aml_plugins import Model

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def named() -> str:
    """A name that no other test uses, of a model and of DAGs."""
    return f"model-{time.time_ns()}"


CONSUMER = """
from airflow.sdk import DAG, task
from aml_airflow.assets import model_asset
from aml_airflow.triggers.model_version import watch_model

with DAG("NAME-consumer", schedule=[model_asset("NAME", watchers=WATCHERS)]):
    @task
    def take(triggering_asset_events=None):
        return [event.extra for event in triggering_asset_events[model_asset("NAME")]]

    take()
"""

PRODUCER = """
from airflow.sdk import DAG
from aml_airflow.operators.model import AmlRegisterModelOperator

with DAG("NAME-producer", schedule=None, params={"name": "NAME"}):
    AmlRegisterModelOperator(task_id="register", model_name="{{ params.name }}", local_path="FILE")
"""


def taken(world: AirflowWorld, dag_id: str, count: int) -> list[Any]:
    """Wait until a DAG has run so often by itself; return what its runs were triggered by."""

    def ended() -> list[dict[str, Any]]:
        runs = world.ask("GET", f"dags/{dag_id}/dagRuns", order_by="run_after")["dag_runs"]
        return [run for run in runs if run["state"] == "success"]

    until(lambda: len(ended()) >= count, f"run {count} of {dag_id}")
    return [world.returned(dag_id, run["dag_run_id"], "take") for run in ended()]


def test_a_registered_version_triggers_who_waits_for_it(world, named, tmp_path):
    file = tmp_path / "model.txt"
    file.write_text("model")
    world.add_dag(f"{named}-consumer", CONSUMER.replace("NAME", named).replace("WATCHERS", "()"))
    world.add_dag(f"{named}-producer", PRODUCER.replace("NAME", named).replace("FILE", str(file)))

    run_id = world.trigger(f"{named}-producer")

    assert world.wait_for_run(f"{named}-producer", run_id) == "success"
    assert world.returned(f"{named}-producer", run_id, "register") == f"{named}:1"
    ((event,),) = taken(world, f"{named}-consumer", 1)
    assert event["version"] == "1"
    assert event["run_id"]


@since_airflow("3.3", "a store in which a watch notes what it has told")
def test_a_version_registered_outside_of_airflow_is_seen_also_while_the_triggerer_is_away(
    world, workspace, named, tmp_path
):
    file = tmp_path / "model.txt"
    file.write_text("model")
    Model.register(workspace, file, named)
    watchers = f"[watch_model('{named}', poll_interval=1.0)]"
    world.add_dag(f"{named}-consumer", CONSUMER.replace("NAME", named).replace("WATCHERS", watchers))
    until(lambda: world.watched(named), "the watch")

    Model.register(workspace, file, named)
    first = taken(world, f"{named}-consumer", 1)
    world.triggerer.kill()
    Model.register(workspace, file, named)
    world.triggerer.start()
    both = taken(world, f"{named}-consumer", 2)

    versions = [extra["payload"]["model"] for extra, *_ in both]
    assert len(first) == 1
    assert versions == [f"{named}:2", f"{named}:3"]


def test_the_sweep_starts_the_batch_scoring(world, workspace):
    for name in ("sweep", "batch_scoring"):
        (world.dags / f"example_{name}.py").symlink_to(ROOT / "dags" / f"example_{name}.py")
        world.wait_for_dag(f"aml_example_{name}")

    run_id = world.trigger("aml_example_sweep")

    assert world.wait_for_run("aml_example_sweep", run_id) == "success"
    (scoring,) = until(
        lambda: world.ask("GET", "dags/aml_example_batch_scoring/dagRuns")["dag_runs"], "the batch scoring's start"
    )
    assert world.wait_for_run("aml_example_batch_scoring", scoring["dag_run_id"]) == "success"
    scores = world.returned("aml_example_batch_scoring", scoring["dag_run_id"], "deliver")
    assert scores["evening.json"] == [1, 2, 2]
