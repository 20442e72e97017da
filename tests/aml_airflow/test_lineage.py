"""OpenLineage's own extractor reads a run's data and place from the operator."""

from __future__ import annotations

import json

import pytest
from airflow.providers.openlineage.extractors.base import DefaultExtractor
from openlineage.client.serde import Serde

from aml_airflow.operators.run import AmlRunOperator
from aml_plugins import ScriptRunConfig, Workspace


def operator(source) -> AmlRunOperator:
    return AmlRunOperator(task_id="train", source_directory=str(source), script="task.py", target="local")


DATA = {
    "in": {"datastore": "workspace-files", "path": "raw"},
    "out": {"datastore": "workspace-files", "path": "made", "mode": "upload"},
}
WRITES = "import os, pathlib\npathlib.Path(os.environ['AZUREML_DATAREFERENCE_out'], 'a.txt').write_text('out')\n"


@pytest.mark.parametrize(("ends", "made"), [("", ["datastores/workspace-files/made"]), ("raise SystemExit(1)", [])])
def test_inputs_outputs_and_the_run_are_told(aml_home, tmp_path, ends, made):
    source = tmp_path / "source"
    source.mkdir()
    (source / "task.py").write_text(WRITES + ends)
    workspace = Workspace.get()
    workspace.default_datastore.upload(str(source / "task.py"), "raw/")
    config = ScriptRunConfig(source, script="task.py", compute_target="local", data=DATA)
    run = workspace.experiment("told").submit(config).wait_for_completion(raise_on_error=False)
    task = operator(source)
    task._its_run = run
    extractor = DefaultExtractor(task)

    found = extractor.extract_on_failure(None) if ends else extractor.extract_on_complete(None)

    assert [(one.namespace, one.name) for one in found.inputs] == [("aml://default", "datastores/workspace-files/raw")]
    assert [(one.namespace, one.name) for one in found.outputs] == [("aml://default", name) for name in made]
    facet = json.loads(Serde.to_json(found.run_facets["amlRun"]))
    assert facet["runId"] == run.id
    assert facet["experiment"] == "told"
    assert facet["snapshot"] == run.record.snapshot_digest


def test_a_task_without_a_run_says_nothing(tmp_path):
    found = DefaultExtractor(operator(tmp_path)).extract_on_complete(None)
    assert (found.inputs, found.outputs, found.run_facets) == ([], [], {})
