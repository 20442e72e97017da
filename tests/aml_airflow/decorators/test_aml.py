"""``@task.aml``: a function runs on a target, and Airflow gets what it returns."""

from __future__ import annotations

import pytest
from airflow.sdk import task

from aml_airflow.decorators import aml_task
from aml_plugins import Workspace

pytestmark = pytest.mark.xdist_group("airflow")

HEAD = """
import os
from airflow.sdk import DAG, task
from pathlib import Path

SCALE = 10


def scaled(value):
    return Scaled(value).value


class Scaled:
    def __init__(self, value):
        self.value = value * SCALE
"""


def test_a_function_runs_on_the_target_and_its_result_comes_home(run_dag):
    done = run_dag(
        HEAD
        + """
with DAG("DAG_ID", schedule=None):
    @task.aml(target="local", experiment="functions")
    def train(rows, *, rate=0.5):
        Path("outputs/model.txt").write_text("model")
        print("training in", os.environ["MLFLOW_RUN_ID"])
        return {"score": scaled(rows * rate), "run": os.environ["MLFLOW_RUN_ID"]}

    @task
    def use(found):
        return found["score"] + 1

    use(train(4, rate=0.25))
"""
    )

    assert done["use", -1]["returned"] == 11
    found = done["train", -1]["returned"]
    run = Workspace.get().get_run(found["run"])
    assert run.status == "Completed"
    assert run.record.experiment_name == "functions"
    assert "outputs/model.txt" in run.get_file_names()
    assert run.get_tags()["airflow.task_id"] == "train"


def test_mapped_tasks_are_children_of_one_run(run_dag):
    done = run_dag(
        HEAD
        + """
with DAG("DAG_ID", schedule=None):
    @task.aml(target="local", experiment="sweep")
    def fit(alpha, power, map_index=None):
        return {"run": os.environ["MLFLOW_RUN_ID"], "value": alpha ** power}

    @task
    def best(found):
        return max(one["value"] for one in found)

    best(fit.partial(power=2).expand(alpha=[1, 2, 3]))
"""
    )

    assert done["best", -1]["returned"] == 9
    workspace = Workspace.get()
    runs = [workspace.get_run(done["fit", index]["returned"]["run"]) for index in range(3)]
    (parent,) = {run.parent.id for run in runs}
    assert {child.id for child in workspace.get_run(parent).get_children()} == {run.id for run in runs}
    assert workspace.get_run(parent).status == "Completed"


def test_a_function_may_leave_the_worker_meanwhile(run_dag):
    done = run_dag(
        HEAD
        + """
with DAG("DAG_ID", schedule=None):
    @task.aml(target="local", deferrable=True, poll_interval=1.0)
    def train(rows):
        return rows * SCALE

    train(4)
"""
    )
    assert done["train", -1]["returned"] == 40


def test_the_context_travels_by_name(run_dag):
    done = run_dag(
        HEAD
        + """
with DAG("DAG_ID", schedule=None, params={"depth": 3}):
    @task.aml(target="local")
    def show(word, run_id=None, params=None):
        return [word, run_id[:6], params["depth"]]

    show("{{ dag.dag_id[:3] }}")
"""
    )
    assert done["show", -1]["returned"] == ["dag", "manual", 3]


def test_what_json_cannot_carry_comes_as_a_pickle_where_it_is_asked_for(run_dag):
    done = run_dag(
        HEAD
        + """
with DAG("DAG_ID", schedule=None):
    @task.aml(target="local", serializer="cloudpickle")
    def halves(pair):
        return tuple(value / 2 for value in pair)

    @task
    def look(pair):
        return [type(pair).__name__, *pair]

    look(halves((1, 2)))
"""
    )
    assert done["look", -1]["returned"] == ["tuple", 0.5, 1.0]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return {1, 2}", "returned a set, and JSON cannot carry"),
        ("raise ValueError('no luck')", "no luck"),
        ("return HANDLE.name", "uses 'HANDLE', a TextIOWrapper, which cannot travel"),
    ],
)
def test_a_failing_function_says_why(run_dag, worker, body, sentence):
    done = run_dag(
        HEAD
        + f"""
HANDLE = open(os.devnull)
with DAG("DAG_ID", schedule=None):
    @task.aml(target="local")
    def fails():
        {body}

    fails()
"""
    )
    assert done["fails", -1]["state"] == "failed"
    assert sentence in worker.log.read_text()


def test_modules_beside_the_dag_travel(run_dag, tmp_path):
    (tmp_path / "own_module.py").write_text("def double(value):\n    return 2 * value\n")
    done = run_dag(
        HEAD
        + f"""
with DAG("DAG_ID", schedule=None):
    @task.aml(target="local", source_directory={str(tmp_path)!r})
    def use(value):
        from own_module import double
        return double(value)

    use(21)
"""
    )
    assert done["use", -1]["returned"] == 42


def test_the_decorator_has_a_name_that_editors_know():
    assert task.aml is aml_task


def test_an_unknown_serializer_is_refused_when_the_dag_is_parsed():
    @aml_task(target="local", serializer="pickle")
    def anything() -> None:
        """Do nothing."""

    with pytest.raises(ValueError, match="There is: json, cloudpickle"):
        anything()
