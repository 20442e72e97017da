"""What scripts did with data sets, models and secrets of Azure ML, on what the run configuration gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
import json, os
import pandas as pd
import azureml.core
from azureml.core import Dataset, Experiment, Model, Run, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.model import Dataset as SameDataset, Model as AMLModel
from azureml.core.run import Run as SameRun, _OfflineRun
from azureml.data import FileDataset, OutputFileDatasetConfig
from azureml.data.datapath import DataPath
from azureml.data.dataset_factory import TabularDatasetFactory
from azureml.data.tabular_dataset import TabularDataset

found = {}
run = Run.get_context()
workspace = Workspace.from_config() if isinstance(run, _OfflineRun) else run.experiment.workspace
flowers = run.input_datasets["flowers"]
found["path"] = os.path.join(flowers, "a.csv")
found["by name"] = Dataset.get_by_name(workspace, name="flowers") == workspace.datasets["flowers"] == flowers
found["known"] = [name in workspace.datasets for name in ("flowers", "other", "my flowers")]
found["known"] += ["flowers" in workspace.datasets.keys(), list(run.output_datasets)]
found["sign for sign"] = workspace.datasets["my flowers"] == Dataset.get_by_name(workspace, "my-flowers") == flowers
frame = flowers.to_pandas_dataframe()
found["frame"] = frame.to_dict("list")
found["columns"] = [
    list(flowers.keep_columns("x").to_pandas_dataframe()),
    list(flowers.drop_columns(["x"]).with_timestamp_columns(None).to_pandas_dataframe()),
]
found["rows"] = [len(part.to_pandas_dataframe()) for part in flowers.random_split(0.5, seed=1)]
found["rows"] += [len(flowers.take(2).to_pandas_dataframe()), len(flowers.skip(1).to_pandas_dataframe())]
found["files"] = flowers.to_path()
with flowers.mount() as mounted:
    found["mounted"] = sorted(os.listdir(mounted.mount_point))
found["downloaded"] = [os.path.relpath(path) for path in flowers.download("here", overwrite=True)]
with open(os.path.join(run.output_datasets["counts"], "n.txt"), "w") as file:
    file.write("4")
run.input_datasets["training_data"] = flowers
found["kept"] = Run.get_context().input_datasets["training_data"].id
tables = [TabularDatasetFactory.from_delimited_files(flowers + "/*.csv")]
tables += [Dataset.Tabular.from_delimited_files([found["path"]])]
tables += [Dataset.Tabular.from_delimited_files(found["path"], header=False)]
found["tables"] = [table.to_pandas_dataframe().shape for table in tables]
found["no names"] = list(tables[-1].to_pandas_dataframe())
with open("model.txt", "w") as file:
    file.write("model")
model = AMLModel.register(workspace=workspace, model_path="model.txt", model_name="iris", tags={"a": 1})
found["model"] = [model.name, model.version, model.tags, Model.Framework.SCIKITLEARN]
found["model path"] = [Model.get_model_path("flowers") == flowers, Model(workspace, "flowers").download("copy")]
found["secrets"] = [run.get_secret("db-password"), workspace.get_default_keyvault().get_secrets(["DB_PASSWORD"])]
found["tracking"] = workspace.get_mlflow_tracking_uri()
found["azure"] = [workspace.subscription_id, workspace.resource_group, workspace.location, workspace.name]
child = Experiment(workspace, "by hand").start_logging()
child.log("a", 1)
child.complete()
try:
    ComputeTarget(workspace, "cpu")
except ComputeTargetException:
    found["caught"] = "a target"
except NotImplementedError as error:
    found["caught"] = str(error)
found["hasattr"] = [hasattr(azureml.core, "Nothing"), hasattr(workspace, "datastores"), hasattr(Dataset, "Tabular")]
found["hasattr"] += [hasattr(azureml.core, "compute"), hasattr(azureml.core, "Webservice"), hasattr(run, "nothing")]
with open("found.json", "w") as file:
    json.dump(found, file)
"""


@pytest.fixture
def found(job: Any) -> dict[str, Any]:
    """Run the script in a run that has an input, an output and a secret; return what it found."""
    flowers, counts = job.directory / "data" / "flowers", job.directory / "uploads" / "aml-data" / "counts"
    flowers.mkdir(parents=True)
    counts.mkdir(parents=True)
    (flowers / "a.csv").write_text("x,y\n1,2\n3,4\n")
    (flowers / "b.csv").write_text("x,y\n5,6\n7,8\n")
    (flowers / "notes.md").write_text("no table")
    data = [
        {"name": "flowers", "variable": "AZUREML_DATAREFERENCE_flowers", "way": "bundle"},
        {"name": "my_flowers", "variable": "AZUREML_DATAREFERENCE_flowers", "way": "bundle"},
        {"name": "counts", "variable": "COUNTS", "way": "output"},
    ]
    (job.directory / "job.json").write_text(json.dumps({"data": data}))
    job.run(
        SCRIPT,
        AZUREML_DATAREFERENCE_flowers=str(flowers),
        COUNTS=str(counts),
        DB_PASSWORD="hunter2",
        AML_VARIABLE_NAMES='["DB_PASSWORD"]',
        MLFLOW_TRACKING_URI="http://127.0.0.1:1",
    )
    return dict(json.loads((job.work / "found.json").read_text()))


def test_what_azure_mls_calls_find(job: Any, found: dict[str, Any]) -> None:
    flowers = job.directory / "data" / "flowers"
    assert found == {
        "path": str(flowers / "a.csv"),
        "by name": True,
        "known": [True, False, True, True, ["counts"]],
        "sign for sign": True,
        "frame": {"x": [1, 3, 5, 7], "y": [2, 4, 6, 8]},
        "columns": [["x"], ["y"]],
        "rows": [2, 2, 2, 3],
        "files": ["/a.csv", "/b.csv", "/notes.md"],
        "mounted": ["a.csv", "b.csv", "notes.md"],
        "downloaded": ["here/a.csv", "here/b.csv", "here/notes.md"],
        "kept": "flowers",
        "tables": [[4, 2], [2, 2], [3, 2]],
        "no names": ["Column1", "Column2"],
        "model": ["iris", None, {"a": 1}, "ScikitLearn"],
        "model path": [True, "copy"],
        "secrets": ["hunter2", {"DB_PASSWORD": "hunter2"}],
        "tracking": "http://127.0.0.1:1",
        "azure": [None, None, None, "team-a"],
        "caught": (
            "ComputeTarget() is not available inside a run of AML Plugins. "
            "Attach compute targets with 'aml compute attach'."
        ),
        "hasattr": [False, False, True, True, True, False],
    }
    assert Path(job.directory, "uploads", "aml-data", "counts", "n.txt").read_text() == "4"
    assert [child["name"] for child in job.operations("child")] == ["by hand"]
    assert job.operations("model")[0] == {
        **job.operations("model")[0],
        "name": "iris",
        "path": "models/iris/model.txt",
        "tags": {"a": "1"},
    }
    assert "hunter2" not in job.records.decode()


def test_what_is_no_table_says_what_is(in_a_run: Any) -> None:
    body = """
    import os
    from azureml.core import Dataset
    os.makedirs("pictures")
    open("pictures/a.png", "w").close()
    result = []
    for call in (Dataset.Tabular.from_delimited_files, Dataset.File.from_files):
        for path in ("pictures", "missing.csv", ("datastore", 1), "https://example.com/a.csv"):
            try:
                call(path)
                result.append("")
            except Exception as error:
                result.append(str(error))
    """
    no_table, missing, tuple_, address, *files = in_a_run(body)
    assert "There is no table in 'pictures'" in no_table
    assert "a.png" in no_table
    assert missing == "There is no file 'missing.csv'."
    assert "not from a datastore" in tuple_
    assert address == files[0] == files[1] == ""
    assert all("takes one path of this machine" in said for said in files[2:])


def test_without_pandas_one_sentence(job: Any) -> None:
    script = """
    import sys
    sys.modules["pandas"] = None
    from azureml.core import Dataset
    Dataset.Tabular.from_delimited_files(__file__).to_pandas_dataframe()
    """
    said = job.run(script, check=False).strip().splitlines()[-1]
    assert said.endswith("to_pandas_dataframe() needs pandas: name it in the environment of the run configuration.")
