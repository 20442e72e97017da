"""Images of MLflow models without a scoring script: what goes in, and the answers of MLflow's own server."""

from __future__ import annotations

import http.client
import json
import sys
from pathlib import Path

import pytest
import yaml
from services.mlflow_models import register_sum_model, served_by_mlflow

from aml_plugins import Image, InferenceConfig, Model
from aml_plugins.cli.app import run
from aml_plugins.errors import InvalidInputError
from aml_plugins.images.mlflow_model import mlflow_environment

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
ROWS = {"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}
JSON = {"Content-Type": "application/json"}
REQUESTS = [
    ("GET", "/ping", None, {}),
    ("GET", "/health", None, {}),
    ("GET", "/version", None, {}),
    ("POST", "/invocations", json.dumps({"dataframe_split": ROWS}), JSON),
    ("POST", "/invocations", json.dumps({"dataframe_records": [{"a": 1.0, "b": 2.0}]}), JSON),
    ("POST", "/invocations", json.dumps({"inputs": {"a": [1.0], "b": [2.0]}}), JSON),
    ("POST", "/invocations", "a,b\n1,2\n", {"Content-Type": "text/csv"}),
    ("POST", "/invocations", "{}", {"Content-Type": "text/plain"}),
    ("POST", "/invocations", "{", JSON),
    ("POST", "/invocations", "{}", JSON),
    ("POST", "/invocations", json.dumps({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}), JSON),
]


def write_model(folder: Path, **files: object) -> Path:
    described = {"mlflow_version": "3.1.0", "flavors": {"python_function": {"python_version": "3.11.4"}}}
    given = {"MLmodel": described, **files}
    folder.mkdir()
    for name, content in given.items():
        text = content if isinstance(content, str) else yaml.safe_dump(content)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        (
            {"requirements__txt": "mlflow==3.1.0\nnumpy==2.1\n# a remark\n"},
            {"kind": "pip", "requirements": ["mlflow==3.1.0", "numpy==2.1"], "python": "3.11"},
        ),
        (
            {"requirements__txt": "numpy\n"},
            {"kind": "pip", "requirements": ["numpy", "mlflow==3.1.0"], "python": "3.11"},
        ),
        (
            {"conda__yaml": {"dependencies": ["python=3.11.4", "pip<=23", {"pip": ["mlflow<4", "numpy"]}]}},
            {"kind": "pip", "requirements": ["mlflow<4", "numpy"], "python": "3.11"},
        ),
        (
            {
                "requirements__txt": "mlflow\n",
                "conda__yaml": {"channels": ["c"], "dependencies": ["python=3.11", "gdal", {"pip": ["x"]}]},
            },
            {
                "kind": "conda",
                "specification": {
                    "channels": ["c"],
                    "dependencies": ["python=3.11", "gdal", {"pip": ["x", "mlflow==3.1.0"]}],
                },
            },
        ),
    ],
)
def test_the_environment_is_the_models_own(tmp_path, files, environment):
    assert mlflow_environment(write_model(tmp_path / "m", **files), "m") == environment


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"MLmodel": {"flavors": {"spark": {}}}}, "has no python_function flavor"),
        ({"MLmodel": "[1, 2"}, "file MLmodel cannot be read"),
        ({"MLmodel": "!!python/object/apply:os.system ['true']"}, "file MLmodel cannot be read"),
        ({"conda__yaml": "- a list"}, "file conda.yaml cannot be read"),
        ({"requirements__txt": "x" * (2 << 20)}, "requirements.txt has more than"),
    ],
)
def test_what_a_model_says_wrongly_is_a_sentence(tmp_path, files, words):
    with pytest.raises(InvalidInputError, match=words):
        mlflow_environment(write_model(tmp_path / "m", **files), "m")


def test_a_file_that_the_model_names_elsewhere_is_not_read(tmp_path):
    (tmp_path / "conda.yaml").write_text(yaml.safe_dump({"dependencies": ["secret-package"]}))
    flavor = {"python_version": "3.11.4", "env": {"conda": "../conda.yaml"}}
    model = write_model(
        tmp_path / "m",
        MLmodel={"mlflow_version": "3.1.0", "flavors": {"python_function": flavor}},
        requirements__txt="mlflow\n",
    )
    assert mlflow_environment(model, "m")["kind"] == "pip"


def test_mistakes_are_found_before_anything_is_written(serving, tmp_path):
    with pytest.raises(InvalidInputError, match="'iris:1' is no MLflow model"):
        Image.create(serving.workspace, "iris", models=[serving.model])
    with pytest.raises(InvalidInputError, match="has one MLflow model, not 0"):
        Image.create(serving.workspace, "iris", models=[])
    with pytest.raises(InvalidInputError, match="has one MLflow model, not 2"):
        Image.create(serving.workspace, "iris", models=[serving.model, serving.model])
    with pytest.raises(InvalidInputError, match="A schema describes a scoring script"):
        Image.create(serving.workspace, "iris", models=[serving.model], inference=InferenceConfig(schema="x.json"))
    old = write_model(
        tmp_path / "old",
        MLmodel={"mlflow_version": "2.0.0", "flavors": {"python_function": {"python_version": "3.6.9"}}},
        requirements__txt="mlflow\n",
    )
    model = Model.register(serving.workspace, old, "old")
    with pytest.raises(InvalidInputError, match=f"wants Python 3.6, and the default base has {HERE}"):
        Image.create(serving.workspace, "old", models=[model])
    assert Image.list(serving.workspace) == []


@pytest.mark.timeout(900)
def test_a_service_of_the_image_answers_as_mlflow_does(serving, tmp_path, capsys):
    model = register_sum_model(serving.workspace, tmp_path / "sums")
    assert run(["image", "create", "--model", "models:/sums/1", "--base-image", str(serving.base)]) == 0
    assert "Built image sums:1." in capsys.readouterr().out
    image = Image.get(serving.workspace, "sums")
    assert image.record.config["environment"]["kind"] == "pip"
    assert image.record.source == {}
    service = image.deploy("sums", wait=True, timeout_seconds=600)
    try:
        with served_by_mlflow(model.download(tmp_path / "down"), tmp_path / "mlflow.log") as port:
            ours = int(service.record.endpoint.rpartition(":")[2])
            for method, path, body, headers in REQUESTS:
                theirs = asked(port, method, path, body, headers)
                mine = asked(ours, method, path, body, headers)
                assert mine[:2] == theirs[:2], (method, path, body)
                if theirs[0] < 400:
                    assert mine[2] == theirs[2]
                elif theirs[1] == "application/json":
                    assert json.loads(mine[2])["error_code"] == json.loads(theirs[2])["error_code"]
        assert service.run({"dataframe_split": ROWS}) == {"predictions": [3.0, 7.0]}
    finally:
        service.delete()


def asked(port: int, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers["content-type"], answer.read()
