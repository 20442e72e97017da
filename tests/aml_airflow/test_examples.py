"""The example DAGs run as they stand. Those that a page of the documentation runs are run there (``tests/docs``).

A thorough run has them here, too: that is in older Airflows.
"""

from __future__ import annotations

import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
from services.example_dags import Returned, scored_in_batches, swept, the_whole_way
from services.requirements import require_service

from aml_plugins import Service, Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def example(worker):
    """Load an example, and return what runs it: it gives the DAG run's state, and the tasks' by name and map index."""

    def load(name: str):
        link = worker.airflow.dags / f"example_{name}.py"
        if not link.exists():
            link.symlink_to(ROOT / "dags" / link.name)
        worker.load(link)

        def run(**conf: Any) -> tuple[str, dict[tuple[str, int], dict[str, Any]]]:
            done = worker.ask("test_dag", dag_id=f"aml_example_{name}", conf=conf)
            return done["state"], {(task["task_id"], task["map_index"]): task for task in done["tasks"]}

        return run

    return load


def states(tasks: dict[tuple[str, int], dict[str, Any]]) -> dict[str, str]:
    return {name: str(task["state"]) for (name, _), task in tasks.items()}


def returned(tasks: dict[tuple[str, int], dict[str, Any]]) -> Returned:
    return {place: task["returned"] for place, task in tasks.items() if task["state"] == "success"}


@pytest.fixture
def service():
    """Delete a service at the end, with its processes."""
    named: list[str] = []
    yield named.append
    for name in named:
        Service.get(Workspace.get(), name).delete(wait=True)


def test_the_whole_way_of_a_model(example, service):
    service("iris")
    state, tasks = example("workflow")()

    assert state == "success", states(tasks)
    the_whole_way(Workspace.get(), returned(tasks))


def test_a_night_deploys_the_next_one_tries_a_canary_and_a_bad_one_does_nothing(example, service):
    service("iris-nightly")
    run = example("nightly")

    state, tasks = run()
    assert state == "success", states(tasks)
    first = states(tasks)
    assert (first["deploy"], first["canary"], first["promote"]) == ("success", "skipped", "skipped")

    state, tasks = run()
    assert state == "success", states(tasks)
    second = states(tasks)
    assert (second["deploy"], second["canary"], second["promote"]) == ("skipped", "success", "success")
    assert second["roll_back"] == "skipped"
    assert Service.get(Workspace.get(), "iris-nightly").image_names == ["iris-nightly:2"]

    state, tasks = run(wrong_at_most=-1)
    assert state == "success", states(tasks)
    third = states(tasks)
    assert (third["canary"], third["promote"], third["roll_back"]) == ("success", "skipped", "success")
    assert Service.get(Workspace.get(), "iris-nightly").image_names == ["iris-nightly:2"]

    state, tasks = run(at_least=1.1)
    assert state == "success", states(tasks)
    assert states(tasks)["register"] == "skipped"
    assert Service.get(Workspace.get(), "iris-nightly").image_names == ["iris-nightly:2"]


def test_a_sweep_uses_every_target_and_the_best_model_is_scored_with(example):
    workspace = Workspace.get()
    workspace.attach_compute("local", "other-box")
    state, tasks = example("sweep")()

    assert state == "success", states(tasks)
    swept(workspace, returned(tasks))

    state, tasks = example("batch_scoring")()

    assert state == "success", states(tasks)
    scored_in_batches(workspace, returned(tasks))


def test_the_batch_scoring_waits_for_what_the_sweep_keeps():
    sweep, scoring = (
        runpy.run_path(str(ROOT / "dags" / f"example_{name}.py"))["dag"] for name in ("sweep", "batch_scoring")
    )

    assert sweep.get_task("keep_best").outlets == scoring.schedule


def test_features_are_made_with_spark_and_learnt_from_without(example):
    found = subprocess.run([ROOT / "tools" / "spark", "find"], capture_output=True, text=True, check=False)
    require_service("Apache Spark", found.returncode == 0, "tools/spark install")
    home = Path(found.stdout.strip())
    python = home.parents[3] / "bin" / "python"
    Workspace.get().attach_compute("spark", "spark", master="local[2]", spark_home=str(home), python=str(python))
    state, tasks = example("spark")()

    assert state == "success", states(tasks)
    assert tasks["train", -1]["returned"]["rows"] == 6
    run = Workspace.get().get_run(tasks["features", -1]["returned"])
    assert run.record.target_type == "spark"
    assert "petal_area" in run.get_logs()
