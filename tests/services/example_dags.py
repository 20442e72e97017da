"""What the example DAGs leave behind, whoever runs them: a reader of a page, or a test."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aml_plugins import Model, Workspace

__all__ = ["LEFT_BEHIND", "Returned", "returned_in", "scored_in_batches", "swept", "the_whole_way"]

Returned = Mapping[tuple[str, int], Any]
"""What each task that succeeded returned, by its name and map index."""

_RETURNED = """
    select task.task_id, task.map_index, xcom.value from task_instance as task
    left join xcom on (xcom.dag_id, xcom.run_id, xcom.task_id, xcom.map_index, xcom.key)
        = (task.dag_id, task.run_id, task.task_id, task.map_index, 'return_value')
    where task.dag_id = ? and task.state = 'success'
"""


def returned_in(database: Path, dag_id: str) -> Returned:
    """Read it from Airflow's SQLite database, in which the DAG has one run."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute(_RETURNED, [dag_id]).fetchall()
    connection.close()
    return {(task, index): json.loads(value) if isinstance(value, str) else value for task, index, value in rows}


def the_whole_way(workspace: Workspace, returned: Returned) -> None:
    """``aml_example_workflow`` trained, registered, built, deployed, scored and looked after a model."""
    names = {name for name, _ in returned}
    assert names == {"prepare", "train", "best", "register", "image", "deploy", "score", "monitor"}
    run = workspace.get_run(returned["train", -1])
    assert run.record is not None
    assert run.record.target == "airflow-box"
    assert len(run.get_children()) == 3
    model = Model.get(workspace, "iris")
    assert returned["register", -1] == f"iris:{model.version}"
    assert float(model.tags["accuracy"]) == run.get_metrics()["accuracy"]
    assert returned["score", -1] == {"species": [0, 2]}
    assert returned["monitor", -1] == {"state": "Healthy", "images": ["iris-svc:1"]}


def swept(workspace: Workspace, returned: Returned) -> None:
    """``aml_example_sweep`` spread its runs over the targets ``local`` and ``other-box``, and kept the best model."""
    runs = [workspace.get_run(returned["sweep", index]) for index in range(4)]
    assert [run.record and run.record.target for run in runs] == ["local", "other-box"] * 2
    (parent,) = {run.parent.id for run in runs if run.parent is not None}
    assert len(workspace.get_run(parent).get_children()) == 4
    model = Model.get(workspace, "iris-sweep")
    assert returned["keep_best", -1] == f"iris-sweep:{model.version}"
    assert model.run is not None
    assert model.run.get_metrics()["accuracy"] == max(run.get_metrics()["accuracy"] for run in runs)


def scored_in_batches(workspace: Workspace, returned: Returned) -> None:
    """``aml_example_batch_scoring`` scored each file, and put all answers into one."""
    assert returned["deliver", -1] == {"morning.json": [0, 0], "evening.json": [1, 2, 2]}
    assert "scores/species.json" in dict(workspace.default_datastore.list("scores"))


LEFT_BEHIND: Mapping[str, Callable[[Workspace, Returned], None]] = {
    "workflow": the_whole_way,
    "sweep": swept,
    "batch_scoring": scored_in_batches,
}
"""What is to be true once an example has run."""
