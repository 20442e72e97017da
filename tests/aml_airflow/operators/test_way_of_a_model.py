"""Files, run, model, image, service, score: each an operator, in one DAG, with real parts."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from services.serving import SCRIPT, write_small_base

from aml_plugins import Image, Model, Service, Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

_DAG = """
from airflow.sdk import DAG, chain
from aml_airflow.operators.datastore import AmlDownloadOperator, AmlUploadOperator
from aml_airflow.operators.image import AmlCreateImageOperator
from aml_airflow.operators.model import AmlRegisterModelOperator
from aml_airflow.operators.run import AmlRunOperator
from aml_airflow.operators.service import (
    AmlDeleteServiceOperator, AmlDeployServiceOperator, AmlScoreOperator, AmlUpdateServiceOperator
)
from aml_airflow.sensors.model import AmlModelSensor
from aml_airflow.sensors.run import AmlRunSensor

LATER = dict(deferrable=DEFERRABLE)
SOON = dict(poke_interval=1.0, timeout=300, **LATER)
with DAG("DAG_ID", schedule=None):
    chain(
        AmlUploadOperator(task_id="upload", local_path="ROOT/data", path="data/"),
        AmlRunOperator(task_id="train", source_directory="ROOT/source", script="task.py", target="local",
                       data={"data": {"datastore": "workspace-files", "path": "data"}}, tags={"kind": "test"},
                       run_resources={"cpu": 1}, max_run_duration_seconds=600, poll_interval=1.0, **LATER),
        AmlRunSensor(task_id="trained", run_id="{{ ti.xcom_pull('train') }}", **SOON),
        AmlRegisterModelOperator(task_id="register", model_name="iris", run_id="{{ ti.xcom_pull('train') }}",
                                 model_path="outputs/model.bin", tags={"stage": "candidate"}),
        AmlModelSensor(task_id="registered", model_name="iris", tags={"stage": "candidate"}, **SOON),
        AmlCreateImageOperator(task_id="image", image_name="iris-svc", models="{{ ti.xcom_pull('register') }}",
                               entry_script="score.py", source_directory="ROOT/service",
                               base_image="ROOT/base", **LATER),
        AmlDeployServiceOperator(task_id="deploy", service_name="iris", image="{{ ti.xcom_pull('image') }}", **LATER),
        AmlScoreOperator(task_id="score", service_name="iris", data={"flower": "{{ dag.dag_id }}"}),
        AmlUpdateServiceOperator(task_id="update", service_name="iris", replicas=2, **LATER),
        AmlScoreOperator(task_id="batch", service_name="iris", data="[1]", output_path="ROOT/answer.json"),
        AmlDeleteServiceOperator(task_id="delete", service_name="iris", **LATER),
        AmlDownloadOperator(task_id="download", path="data", local_path="ROOT/back"),
    )
"""


@pytest.fixture
def root(tmp_path: Path, aml_home: Path, own_monitor: None) -> Iterator[Path]:
    """A directory with everything that the DAG wants; nothing of its service is left afterwards."""
    for name in ("data", "source", "service", "back"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "numbers.csv").write_text("1,2\n")
    (tmp_path / "source" / "task.py").write_text(
        "import os\n"
        "text = open(os.path.join(os.environ['AZUREML_DATAREFERENCE_data'], 'numbers.csv')).read()\n"
        "os.makedirs('outputs', exist_ok=True)\n"
        "open('outputs/model.bin', 'w').write(text)\n"
    )
    (tmp_path / "service" / "score.py").write_text(SCRIPT)
    write_small_base(tmp_path / "base")
    yield tmp_path
    workspace = Workspace.get()
    for service in Service.list(workspace):
        with suppress(Exception):
            service.delete()
    workspace.close()
    end_services_of(aml_home)


def end_services_of(home: Path) -> None:
    """End what a failed test left of its services."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if f"{home}/services".encode() in told:
                os.kill(int(folder.name), signal.SIGTERM)


@pytest.mark.parametrize("deferrable", ["False", "True"])
def test_the_way_of_a_model(run_dag, root, deferrable):
    done = run_dag(_DAG.replace("ROOT", str(root)).replace("DEFERRABLE", deferrable))

    states = {name: task["state"] for (name, _), task in done.items()}
    assert set(states.values()) == {"success"}, states
    returned = {name: task["returned"] for (name, _), task in done.items()}
    assert returned["upload"] == {"files": 1, "bytes": 4}
    assert returned["trained"] == "Completed"
    assert returned["register"] == returned["registered"] == "iris:1"
    assert returned["image"] == "iris-svc:1"
    assert returned["deploy"] == returned["update"] == returned["delete"] == "iris"
    assert json.loads(returned["score"]["data"]) == {"flower": done["score", -1]["dag_id"]}
    assert returned["batch"] == str(root / "answer.json")
    assert json.loads((root / "answer.json").read_text())["data"] == "[1]"
    assert (root / "back" / "numbers.csv").read_text() == "1,2\n"
    workspace = Workspace.get()
    assert workspace.get_run(returned["train"]).get_tags()["kind"] == "test"
    assert Model.get(workspace, "iris").tags["stage"] == "candidate"
    assert Image.get(workspace, "iris-svc").record.tags["airflow.task_id"] == "image"
    assert Service.list(workspace) == []
