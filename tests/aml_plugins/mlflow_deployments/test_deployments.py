"""MLflow's ``deployments`` command, as its users type it: models become services of the workspace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from services.mlflow_models import register_sum_model
from services.serving import write_small_base

from aml_plugins import Image, Model, Service
from aml_plugins.errors import InvalidInputError
from aml_plugins.mlflow_deployments.settings import DeploymentSettings

ROWS = [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}]


def mlflow(*arguments: object, code: int = 0) -> str:
    """Run ``mlflow deployments``; return all that it prints."""
    command = [Path(sys.executable).with_name("mlflow"), "deployments", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=os.environ)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(1800)
def test_a_model_is_deployed_called_updated_and_gone(workspace, tmp_path):
    register_sum_model(workspace, tmp_path / "one")
    register_sum_model(workspace, tmp_path / "two", shift=10)
    base = f"base_image={write_small_base(tmp_path / 'base')}"
    target = ("-t", "aml:/local", "--name", "sums")
    told = mlflow("create", *target, "-m", "models:/sums/1", "-C", base, "-C", "auth=true", "-C", "replicas=2")
    assert "python_function deployment sums is created" in told
    service = Service.get(workspace, "sums")
    assert (service.state, service.image_names) == ("Healthy", ["sums:1"])
    assert service.to_json()["versions"][0]["replicas"] == 2

    assert "already" in mlflow("create", *target, "-m", "models:/sums/1", "-C", base, code=2)
    assert "'name': 'sums'" in mlflow("list", "-t", "aml:/local")
    assert "'name'" not in mlflow("list", "-t", "aml:/docker")
    assert f"endpoint: {service.record.endpoint}" in mlflow("get", *target)

    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    told = mlflow("predict", *target, "-I", tmp_path / "rows.json", "-O", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == {"predictions": [3.0, 7.0]}

    assert "is updated" in mlflow("update", *target, "-m", "models:/sums/2", "-C", base)
    mlflow("predict", *target, "-I", tmp_path / "rows.json", "-O", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == {"predictions": [13.0, 17.0]}
    # The image of the first model is there: going back builds nothing.
    mlflow("update", *target, "-m", "models:/sums/1", "-C", base)
    assert [image.version for image in Image.list(workspace, "sums")] == [2, 1]

    mlflow("delete", *target)
    mlflow("delete", *target)  # once more is fine
    assert Service.list(workspace) == []
    assert "There is no service 'sums'" in mlflow("get", *target, code=2)


@pytest.mark.timeout(1800)
def test_a_model_that_is_nowhere_registered_runs_locally(workspace, tmp_path):
    known = register_sum_model(workspace, tmp_path / "one")
    path = known.download(tmp_path / "down")
    base = f"base_image={write_small_base(tmp_path / 'base')}"
    told = mlflow("run-local", "-t", "aml:/docker", "-m", path, "--name", "loose", "-C", base)
    service = Service.get(workspace, "loose")
    assert f"loose answers at {service.record.endpoint}/invocations" in told
    assert service.record.type == "local"
    assert [model.version for model in Model.list(workspace, "loose")] == ["1"]
    assert service.run({"dataframe_records": ROWS}) == {"predictions": [3.0, 7.0]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-m", "models:/nothing/1"), "nothing"),
        (("-m", "models:/sums@nobody"), "nobody"),
        (("-m", "models:/sums/1", "-f", "sklearn"), "Services serve models as python_function"),
        (("-m", "models:/sums/1", "--endpoint", "x"), "A service is its own endpoint"),
        (("-m", "models:/sums/1", "-C", "replicas=many"), "'replicas' is 'many', not a number"),
        (("-m", "models:/sums/1", "-C", "async=maybe"), "'async' is 'maybe'"),
        (("-m", "models:/sums/1", "-C", "builder=nothing"), "nothing"),
    ],
)
def test_mistakes_are_sentences_of_mlflow(workspace, tmp_path, arguments, words):
    from mlflow.deployments import get_deploy_client
    from mlflow.exceptions import MlflowException

    register_sum_model(workspace, tmp_path / "one")
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    config = dict([given["-C"].split("=")]) if "-C" in given else None
    with pytest.raises(MlflowException, match=words):
        get_deploy_client("aml:/local").create_deployment(
            "sums", given["-m"], given.get("-f"), config, given.get("--endpoint")
        )
    assert Service.list(workspace) == []
    assert Image.list(workspace) == []


def test_a_mistake_at_the_command_line_is_a_sentence_and_no_traceback(workspace):
    told = mlflow("create", "-t", "aml:/local", "--name", "sums", "-m", "models:/nothing/1", code=2)
    assert "Error: There is no model 'nothing' in this workspace." in told
    assert "Traceback" not in told


def test_an_alias_is_the_version_that_it_means_now(workspace, tmp_path):
    from mlflow import MlflowClient

    register_sum_model(workspace, tmp_path / "one")
    register_sum_model(workspace, tmp_path / "two", shift=1)
    register_sum_model(workspace, tmp_path / "three", shift=2)
    from aml_plugins.home import resolve_store_uri

    uri = resolve_store_uri(None)
    MlflowClient(uri, uri).set_registered_model_alias("sums", "champion", "2")
    assert Model.find(workspace, "models:/sums@champion").version == "2"
    assert Model.find(workspace, "models:/sums/latest").version == "3"
    assert Model.find(workspace, "models:/sums").version == "3"
    assert Model.find(workspace, "sums:1").version == "1"


def test_help_names_the_targets_and_settings():
    told = mlflow("help", "-t", "aml")
    for word in ("aml:/TARGET", "traffic", "registry.NAME", "base_image"):
        assert word in told


def test_settings_are_sorted_by_whom_they_are_for():
    read = DeploymentSettings.read(
        {"replicas": "2", "async": "true", "builder": "oci", "registry.type": "oci", "registry.address": "h:1",
         "variables.LEVEL": "3", "port": "8080"}
    )  # fmt: skip
    assert (read.replicas, read.waits, read.traffic) == (2, False, None)
    assert read.image == {"builder": "oci", "registry": {"type": "oci", "address": "h:1"}}
    assert read.service == {"variables": {"LEVEL": "3"}, "port": "8080"}
    with pytest.raises(InvalidInputError, match=r"'variables' and 'variables\.B' are both given"):
        DeploymentSettings.read({"variables": "A=1", "variables.B": "2"})
    with pytest.raises(InvalidInputError, match="'traffic' is 'x'"):
        DeploymentSettings.read({"traffic": "x"})
