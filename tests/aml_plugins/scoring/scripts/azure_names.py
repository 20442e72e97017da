"""Run by two Pythons, one with azureml-core: says what its names do in a web service."""

import contextlib
import io
import json
import os
import sys

if sys.argv[1:]:
    sys.path.insert(0, sys.argv[1])
    from aml_scoring import azure_modules

    azure_modules.install()

import azureml.core
from azureml.core import Dataset, Model, Run, Workspace  # noqa: F401
from azureml.core.authentication import ServicePrincipalAuthentication  # noqa: F401
from azureml.core.model import InferenceConfig  # noqa: F401
from azureml.core.run import _OfflineRun
from azureml.core.workspace import Workspace as SameWorkspace
from azureml.exceptions import ComputeTargetException, ModelNotFoundException, WebserviceException  # noqa: F401


def caught(call):
    try:
        return call()
    except (ModelNotFoundException, WebserviceException) as error:
        return ["refused", bool(error.message)]


for version in (1, 2, 10):
    os.makedirs(f"azureml-models/iris/{version}")
    with open(f"azureml-models/iris/{version}/m.pkl", "w"):
        pass
with open("beside", "w"):
    pass
context = Run.get_context()
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    context.log("accuracy", 0.5)
    context.log_list("losses", [1, 2])
    context.log_row("row", a=1, b="x")
    context.log_table("table", {"a": [1]})
    context.tag("stage", "live")
    context.flush()
    context.complete()
print(
    json.dumps(
        {
            "paths": [
                caught(lambda: Model.get_model_path("iris")),
                caught(lambda: Model.get_model_path("iris", version=2)),
                caught(lambda: azureml.core.Model.get_model_path("beside")),
                caught(lambda: Model.get_model_path("iris", version=3)),
                caught(lambda: Model.get_model_path("rose")),
            ],
            "run": [type(context) is _OfflineRun, context.id[:11], printed.getvalue().replace(context.id, "ID")],
            "same": Workspace is SameWorkspace,
            "caught": issubclass(ComputeTargetException, Exception),
            "isinstance": isinstance(context, Workspace),
        }
    )
)
