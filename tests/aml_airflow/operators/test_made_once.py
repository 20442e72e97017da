"""What is not a run is made once, too: a worker that is killed over it, and a task that is cleared."""

from __future__ import annotations

from pathlib import Path

import pytest
from services.serving import SCRIPT, write_small_base

from aml_plugins import Image, Model, Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(600)]


def test_a_version_of_a_model_is_registered_once_a_run_of_the_task(one_task, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    given = {"model_name": "iris", "local_path": str(tmp_path / "model.bin")}
    task = one_task("model", "AmlRegisterModelOperator", **given)
    task.lose_worker("aml_plugins.mlflow_tables.model_writes:register_version")

    assert task.ask("attempt")["returned"] == "iris:1"

    task.ask("clear")
    assert task.ask("attempt")["returned"] == "iris:2"
    assert [model.version for model in Model.list(Workspace.get(), "iris")] == ["2", "1"]


def test_a_version_of_an_image_is_built_once_a_run_of_the_task(one_task, tmp_path: Path):
    source = tmp_path / "service"
    source.mkdir()
    (source / "score.py").write_text(SCRIPT)
    (tmp_path / "model.bin").write_bytes(b"weights")
    Model.register(Workspace.get(), tmp_path / "model.bin", "iris")
    task = one_task(
        "image",
        "AmlCreateImageOperator",
        image_name="iris-svc",
        models="iris",
        entry_script="score.py",
        source_directory=str(source),
        base_image=str(write_small_base(tmp_path / "base")),
    )
    task.lose_worker("aml_plugins.store.sql.images:SqlImages.add")

    done = task.ask("attempt")

    assert done["returned"] == "iris-svc:1", done
    assert [image.state for image in Image.list(Workspace.get(), "iris-svc")] == ["Succeeded"]


@pytest.mark.parametrize("deferrable", ["False", "True"])
def test_a_run_of_somebody_else_is_canceled_and_waited_for(run_dag, tmp_path, aml_home, deferrable):
    from aml_plugins import ScriptRunConfig

    (tmp_path / "source").mkdir()
    workspace = Workspace.get()

    def submit(code: str) -> str:
        (tmp_path / "source" / "task.py").write_text(code)
        config = ScriptRunConfig(tmp_path / "source", script="task.py", compute_target="local")
        return workspace.experiment("others").submit(config).id

    sleeping, ending = submit("import time; time.sleep(600)"), submit("print('done')")
    workspace.driver.release()
    done = run_dag(
        f"""
        from airflow.sdk import DAG, chain
        from aml_airflow.operators.run import AmlCancelRunOperator
        from aml_airflow.sensors.run import AmlRunSensor
        from aml_airflow.sensors.task import AmlTaskSensor

        LATER = dict(deferrable={deferrable}, poke_interval=1.0, timeout=300)
        with DAG("DAG_ID", schedule=None):
            chain(
                AmlCancelRunOperator(task_id="cancel", run_id="{sleeping}", deferrable={deferrable}, poll_interval=1.0),
                AmlRunSensor(task_id="canceled", run_id="{sleeping}", accept=["Canceled"], **LATER),
                AmlRunSensor(task_id="ended", run_id="{ending}", **LATER),
                AmlTaskSensor(task_id="task", aml_task_id="{ending}", **LATER),
                AmlRunSensor(task_id="refused", run_id="{sleeping}", **LATER),
            )
        """
    )
    assert {name: task["returned"] for (name, _), task in done.items()} == {
        "cancel": "Canceled",
        "canceled": "Canceled",
        "ended": "Completed",
        "task": "Completed",
        "refused": None,
    }
    assert done["refused", -1]["state"] == "failed"
