"""Run by the Python that has Microsoft's server: starts it for one script after the other.

Reads lines of JSON, ``{"directory": …, "arguments": […], "variables": {…}, "log": …}``, and answers each with the
process id of a server. What costs seconds to import is imported once, before the processes are forked.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import flask_cors  # noqa: F401
import gunicorn.app.wsgiapp
import gunicorn.config
import pydantic_settings  # noqa: F401
from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter  # noqa: F401
from azureml_inference_server_http import amlserver
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType  # noqa: F401
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType  # noqa: F401
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType  # noqa: F401
from opentelemetry.sdk._logs import LoggerProvider  # noqa: F401


def serve(order: dict[str, object]) -> None:
    os.setsid()
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for target in (1, 2):
        os.dup2(log, target)
    os.environ.update(order["variables"])
    os.chdir(str(order["directory"]))
    gunicorn.config.Chdir.default = str(order["directory"])  # gunicorn goes back to where it was imported
    sys.path[1:1] = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.argv = ["azmlinfsrv", *order["arguments"]]
    sys.path[0] = str(Path(sys.executable).parent)
    amlserver.run()


for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        sys.stdin.close()
        serve(json.loads(line))
        os._exit(0)
    print(pid, flush=True)
    _, status = os.waitpid(pid, os.WNOHANG)
