"""An MLflow model without a script: the answers of MLflow's own server."""

from __future__ import annotations

import json
import sys

import pytest
from servers import ours

pytestmark = pytest.mark.xdist_group("mlflow-scoring")  # one of MLflow's servers, for all
ROWS = {"columns": ["a", "b"], "data": [[1.0, 2.0], [3.0, 4.0]]}
JSON = {"Content-Type": "application/json"}
REQUESTS = [
    ("GET", "/ping", None, {}),
    ("GET", "/health", None, {}),
    ("GET", "/version", None, {}),
    ("POST", "/invocations", json.dumps({"dataframe_split": ROWS}), JSON),
    ("POST", "/invocations", json.dumps({"dataframe_records": [{"a": 1.0, "b": 2.0}]}), JSON),
    ("POST", "/invocations", json.dumps({"inputs": {"a": [1.0], "b": [2.0]}}), JSON),
    ("POST", "/invocations", json.dumps({"instances": [{"a": 1.0, "b": 2.0}]}), JSON),
    ("POST", "/invocations", "a,b\n1,2\n", {"Content-Type": "text/csv"}),
    ("POST", "/invocations", "a,b\n1,2\n", {"Content-Type": "text/csv; charset=utf-8"}),
    ("POST", "/invocations", "a,b\n1,2\n", {"Content-Type": "text/csv; charset=latin-1"}),
    ("POST", "/invocations", "{}", {"Content-Type": "text/plain"}),
    ("POST", "/invocations", "{", JSON),
    ("POST", "/invocations", "{}", JSON),
    ("POST", "/invocations", json.dumps({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}), JSON),
    ("POST", "/invocations", json.dumps({"dataframe_split": ROWS, "params": {"x": 1}}), JSON),
]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    import mlflow
    import pandas as pd
    from mlflow.pyfunc import load_model, scoring_server
    from starlette.testclient import TestClient

    class Sum(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input.sum(axis=1)

    directory = tmp_path_factory.mktemp("pyfunc")
    frame = pd.DataFrame({"a": [1.0], "b": [2.0]})
    signature = mlflow.models.infer_signature(frame, pd.Series([3.0]))
    path = str(directory / "model")
    mlflow.pyfunc.save_model(path, python_model=Sum(), signature=signature, pip_requirements=[])
    with ours(sys.executable, directory, ["--mlflow_model", path], {}) as server:
        assert server.port, server.log.read_text()
        yield server, TestClient(scoring_server.init(load_model(path)))


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: f"{r[1]} {r[2]}"[:60])
def test_requests(pair, request_):
    server, mlflow_s = pair
    method, path, body, headers = request_
    theirs = mlflow_s.request(method, path, content=body, headers=headers)
    ours_ = server.send(method, path, body, headers)
    assert (ours_.status, ours_.headers["content-type"]) == (theirs.status_code, theirs.headers["content-type"])
    if theirs.status_code < 400:
        assert ours_.body == theirs.content
    elif theirs.headers["content-type"] == "application/json":
        assert json.loads(ours_.body)["error_code"] == theirs.json()["error_code"]


def test_a_model_that_is_none_ends_the_server(tmp_path):
    (tmp_path / "model").mkdir()
    with ours(sys.executable, tmp_path, ["--mlflow_model", str(tmp_path / "model")], {}) as server:
        assert server.port == 0
    assert server.process.wait(5) == 3
