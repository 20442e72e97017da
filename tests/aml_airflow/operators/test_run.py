"""A task runs a script directory; what it says, returns, refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins import Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[3]


def test_the_example_brings_everything_to_mlflow(worker, tmp_path):
    link = worker.airflow.dags / "example_train.py"
    link.symlink_to(ROOT / "dags" / "example_train.py")
    worker.load(link)
    done = worker.ask("test_dag", dag_id="aml_example_train")

    assert done["state"] == "success"
    run = Workspace.get().get_run(done["tasks"][0]["returned"])
    assert run.status == "Completed"
    assert run.record.experiment_name == "iris"
    assert len(run.get_children()) == 3
    assert {"outputs/model.pkl", "logs/std_log.txt"} <= set(run.get_file_names())
    assert run.get_metrics()["accuracy"] > 0.8
    assert run.get_tags()["airflow.dag_id"] == "aml_example_train"
    assert run.download_file("outputs/model.pkl", tmp_path / "model.pkl").stat().st_size > 0


def test_templates_are_rendered_and_the_script_speaks_in_the_task_log(make_task):
    task = make_task(
        "import os; print('grüße von', os.environ['NAME'])",
        arguments="['{{ dag.dag_id }}', 3]",
        environment_variables="{'NAME': '{{ task.task_id }} the script'}",
        experiment="'{{ dag.dag_id }}-{{ run_id }}'",
    )
    done = task.attempt()

    assert done["state"] == "success", done
    assert task.marks() == [f"{task.dag_id} 3"]
    run = Workspace.get().get_run(done["returned"])
    assert run.record.experiment_name == f"{task.dag_id}-manual__first"
    assert run.record.name == "train"
    assert "grüße von train the script" in task.worker.log.read_text()


def test_each_mapped_task_has_a_run_of_its_own(make_task):
    task = make_task(expand="arguments=[['a'], ['b']]", experiment="'mapped'")
    done = task.worker.ask("test_dag", dag_id=task.dag_id)

    assert done["state"] == "success"
    assert sorted(task.marks()) == ["a", "b"]
    runs = {found["map_index"]: Workspace.get().get_run(found["returned"]) for found in done["tasks"]}
    assert len({run.id for run in runs.values()}) == 2
    assert {index: run.record.config["arguments"] for index, run in runs.items()} == {0: ["a"], 1: ["b"]}


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"script": "'missing.py'"}, "The script 'missing.py' is not in the source directory"),
        ({"target": "'locla'"}, "has no compute target 'locla'"),
        ({"workspace": "'no-such-team'"}, "There is no workspace 'no-such-team'"),
        ({"source_directory": "'/no/such/directory'"}, "The source directory '/no/such/directory' does not exist"),
    ],
)
def test_a_mistake_fails_at_once_and_leaves_nothing(make_task, setting, sentence):
    task = make_task(**{"retries": "3", **setting})
    done = task.attempt()

    assert done["state"] == "failed"
    assert sentence in done["error"]
    assert task.runs() == []


def test_a_store_that_is_away_is_tried_again(make_task, tmp_path):
    task = make_task(retries="1", store=repr(f"aml+sqlite:///{tmp_path}/no/such/directory/aml.db"))

    done = task.attempt()

    assert done["state"] == "up_for_retry", done
