"""MLflow models as MLflow logs them, and MLflow's own server for them."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.loopback import free_port
from services.starting import wait_until_started

from aml_plugins import Model, Workspace

__all__ = ["register_sum_model", "served_by_mlflow"]

# In a file of its own: MLflow loads it without unpickling what a test pickled.
SUM = """
import mlflow

class Sum(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input.sum(axis=1) + SHIFT).tolist()

SHIFT = 0
mlflow.models.set_model(Sum())
"""


def register_sum_model(workspace: Workspace, folder: Path, name: str = "sums", *, shift: int = 0) -> Model:
    """Register a model that adds the columns a and b of its input."""
    import mlflow
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    code = folder / "sums.py"
    code.write_text(SUM.replace("SHIFT = 0", f"SHIFT = {shift}"))
    signature = mlflow.models.infer_signature(pd.DataFrame({"a": [1.0], "b": [2.0]}), pd.Series([3.0]))
    path = folder / f"{name}-{shift}"
    mlflow.pyfunc.save_model(str(path), python_model=str(code), signature=signature, pip_requirements=["pandas"])
    return Model.register(workspace, path, name)


@contextmanager
def served_by_mlflow(model: Path, log: Path) -> Iterator[int]:
    """Run ``mlflow models serve``; yield its port."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve", "-m", str(model)]
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # it starts uvicorn by its name
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)],
            stdout=output,
            stderr=output,
            env={**os.environ, "PATH": programs},
            start_new_session=True,
        )
    try:
        wait_until_started("mlflow models serve", process, log, lambda: _answers(port))
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def _answers(port: int) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=10) as answer:
        return bool(answer.status == 200)
