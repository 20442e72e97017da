"""How each server is started with the model in a directory, and asked for one row."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

ROW = "[[5.1, 3.5, 1.4, 0.2]]"
SCRIPT = """
import json, os, joblib
def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))
def run(data):
    return model.predict(json.loads(data)["data"]).tolist()
"""
BATCHED = f"""{SCRIPT}
def run_batch(inputs):
    rows = [json.loads(one)["data"] for one in inputs]
    found = iter(model.predict([row for some in rows for row in some]).tolist())
    return [[next(found) for _ in some] for some in rows]
"""
DECORATED = """
import os, joblib
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.schema_decorators import input_schema
sample = [[5.1, 3.5, 1.4, 0.2]]
def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.joblib"))
"""
NUMPY = f"""{DECORATED}
@input_schema("data", NumpyParameterType(np.array(sample)))
def run(data):
    return model.predict(data).tolist()
"""
PANDAS = f"""{DECORATED}
@input_schema("data", PandasParameterType(pd.DataFrame(sample, columns=list("abcd"))))
def run(data):
    return model.predict(data.to_numpy()).tolist()
"""
TRIVIAL = "def init(): pass\ndef run(data): return [0]\n"
FLOOR = """
import joblib
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
model = joblib.load("model.joblib")
async def score(request):
    return JSONResponse(model.predict((await request.json())["data"]).tolist())
app = Starlette(routes=[Route("/score", score, methods=["POST"])])
"""
BENTO = """
import bentoml, joblib
@bentoml.service(workers=1)
class Iris:
    def __init__(self):
        self.model = joblib.load("model.joblib")
    @bentoml.api
    def predict(self, data: list) -> list:
        return self.model.predict(data).tolist()
"""


BENTO_BATCHED = BENTO.replace("@bentoml.api", "@bentoml.api(batchable=True)")
MOST = 16  # requests in a batch, as many as there are connections


@dataclass(frozen=True)
class Contender:
    """A server; the floor by default."""

    name: str
    title: str
    path: str = "/score"
    body: str = f'{{"data": {ROW}}}'
    script: str = SCRIPT

    def python(self, ours: str, microsoft: str) -> str:
        """Choose the Python: Microsoft's environment has inference-schema and what our server needs."""
        return microsoft if "inference_schema" in self.script else ours

    def prepare(self, folder: Path, port: int) -> None:
        (folder / "app.py").write_text(FLOOR)

    def command(self, python: str, folder: Path, port: int) -> list[str]:
        return [
            python,
            "-m",
            "uvicorn",
            "app:app",
            "--port",
            str(port),
            "--no-access-log",
            "--log-level",
            "warning",
            "--app-dir",
            str(folder),
        ]

    def variables(self, folder: Path) -> dict[str, str]:
        return {"AZUREML_MODEL_DIR": str(folder)}


class Ours(Contender):
    def prepare(self, folder: Path, port: int) -> None:
        (folder / "score.py").write_text(self.script)

    def command(self, python: str, folder: Path, port: int) -> list[str]:
        return [
            python,
            "-m",
            "aml_plugins.scoring",
            "--entry_script",
            "score.py",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]


class OursBatched(Ours):
    def variables(self, folder: Path) -> dict[str, str]:
        return {**super().variables(folder), "AML_SCORING_BATCH_SIZE": str(MOST)}


class Microsoft(Ours):
    def command(self, python: str, folder: Path, port: int) -> list[str]:
        return [str(Path(python).with_name("azmlinfsrv")), "--entry_script", "score.py", "--port", str(port)]


class Mlflow(Contender):
    def prepare(self, folder: Path, port: int) -> None:
        import joblib
        import mlflow

        model = joblib.load(folder / "model.joblib")
        mlflow.sklearn.save_model(
            model, str(folder / "mlflow"), serialization_format="cloudpickle", pip_requirements=[]
        )

    def command(self, python: str, folder: Path, port: int) -> list[str]:
        program = str(Path(python).with_name("mlflow"))
        return [
            program,
            "models",
            "serve",
            "-m",
            "mlflow",
            "--env-manager",
            "local",
            "--port",
            str(port),
            "--workers",
            "1",
        ]

    def variables(self, folder: Path) -> dict[str, str]:
        # uvicorn by its name, as MLflow starts it.
        import os
        import sys

        return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


class Mlserver(Contender):
    batching: ClassVar[dict[str, float]] = {}

    def prepare(self, folder: Path, port: int) -> None:
        model = {
            "name": "iris",
            "implementation": "mlserver_sklearn.SKLearnModel",
            "parameters": {"uri": "model.joblib"},
            **self.batching,
        }
        (folder / "model-settings.json").write_text(json.dumps(model))
        ports = {
            "http_port": port,
            "grpc_port": port + 1,
            "metrics_port": port + 2,
            "parallel_workers": 0,
            "host": "127.0.0.1",
        }
        (folder / "settings.json").write_text(json.dumps({**ports, "debug": False}))

    def command(self, python: str, folder: Path, port: int) -> list[str]:
        return [str(Path(python).with_name("mlserver")), "start", str(folder)]


class MlserverBatched(Mlserver):
    batching: ClassVar = {"max_batch_size": MOST, "max_batch_time": 0.001}


class Bentoml(Contender):
    service: ClassVar = BENTO

    def prepare(self, folder: Path, port: int) -> None:
        (folder / "service.py").write_text(self.service)

    def command(self, python: str, folder: Path, port: int) -> list[str]:
        return [
            str(Path(python).with_name("bentoml")),
            "serve",
            "service:Iris",
            "--port",
            str(port),
            "--host",
            "127.0.0.1",
        ]

    def variables(self, folder: Path) -> dict[str, str]:
        return {"BENTOML_HOME": str(folder / "bento"), "BENTOML_DO_NOT_TRACK": "True"}


class BentomlBatched(Bentoml):
    service: ClassVar = BENTO_BATCHED


_ROW_V2 = '{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}]}'
_OURS, _MICROSOFT = "**AML Plugins**", "azureml-inference-server-http 1.5.1"
_FRAME = '{"data": [{"a": 5.1, "b": 3.5, "c": 1.4, "d": 0.2}]}'


def _both(body: str, script: str) -> list[Contender]:
    return [Ours("ours", _OURS, body=body, script=script), Microsoft("microsoft", _MICROSOFT, body=body, script=script)]


SCRIPTS: dict[str, list[Contender]] = {
    "model": [
        Contender("floor", "bare Starlette (the floor)"),
        Ours("ours", _OURS),
        OursBatched("ours-batched", f"{_OURS}, micro-batching", script=BATCHED),
        Microsoft("microsoft", _MICROSOFT),
        Mlflow("mlflow", "`mlflow models serve`", "/invocations", f'{{"inputs": {ROW}}}'),
        Mlserver("mlserver", "MLServer", "/v2/models/iris/infer", _ROW_V2),
        MlserverBatched("mlserver-batched", "MLServer, adaptive batching", "/v2/models/iris/infer", _ROW_V2),
        Bentoml("bentoml", "BentoML", "/predict"),
        BentomlBatched("bentoml-batched", "BentoML, adaptive batching", "/predict"),
    ],
    "trivial": _both(Contender.body, TRIVIAL),
    "numpy": _both(Contender.body, NUMPY),
    "pandas": _both(_FRAME, PANDAS),
}
