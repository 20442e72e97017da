"""OpenLineage's own extractor reads a run's data and place from the operator."""

from __future__ import annotations

import json

from airflow.providers.openlineage.extractors.base import DefaultExtractor
from openlineage.client.serde import Serde

from aml_airflow.operators.run import AmlRunOperator
from aml_plugins import ScriptRunConfig, Workspace


def operator(source) -> AmlRunOperator:
    return AmlRunOperator(task_id="train", source_directory=str(source), script="task.py", target="local")


def test_inputs_outputs_and_the_run_are_told(aml_home, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "task.py").write_text(
        "import os, pathlib\npathlib.Path(os.environ['AZUREML_DATAREFERENCE_out'], 'a.txt').write_text('out')\n"
    )
    workspace = Workspace.get()
    workspace.default_datastore.upload(str(source / "task.py"), "raw/")
    data = {
        "in": {"datastore": "workspace-files", "path": "raw"},
        "out": {"datastore": "workspace-files", "path": "made", "mode": "upload"},
    }
    config = ScriptRunConfig(source, script="task.py", compute_target="local", data=data)
    run = workspace.experiment("told").submit(config).wait_for_completion()
    task = operator(source)
    task._delivered = run

    found = DefaultExtractor(task).extract_on_complete(None)

    assert [(one.namespace, one.name) for one in found.inputs] == [("aml://default", "datastores/workspace-files/raw")]
    assert [(one.namespace, one.name) for one in found.outputs] == [
        ("aml://default", "datastores/workspace-files/made")
    ]
    facet = json.loads(Serde.to_json(found.run_facets["amlRun"]))
    assert facet["runId"] == run.id
    assert facet["experiment"] == "told"
    assert facet["snapshot"] == run.record.snapshot_digest


def test_a_task_without_a_run_says_nothing(tmp_path):
    found = DefaultExtractor(operator(tmp_path)).extract_on_complete(None)
    assert (found.inputs, found.outputs, found.run_facets) == ([], [], {})
