"""The main job on Azure Batch: submit, watch, collect, cancel; a submitter that is killed anywhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from services.azure import add_pool, delete_pool

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.errors import OperationFailedError
from aml_plugins.runs.logs import BEGUN_ANEW, RunLog

PROGRAM = Path(__file__).parents[2] / "aml_plugins" / "runs" / "reconciliation" / "crash_everywhere.py"
TRAIN = """\
import argparse, json, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1.0)
parser.add_argument("--fail", action="store_true")
parser.add_argument("--sleep", type=float, default=0)
arguments = parser.parse_args()
print("alpha is", arguments.alpha, "on", os.environ["AZ_BATCH_POOL_ID"], flush=True)
time.sleep(arguments.sleep)
from azureml.core import Run
run = Run.get_context()
run.log("loss", 1 / (1 + arguments.alpha))
with run.child_run(name="child") as child:
    child.log("score", 0.5)
told = {"who": os.environ["WHO"], "key": "AML_COURIER" in os.environ}
pathlib.Path("outputs/model.json").write_text(json.dumps(told))
sys.exit(3 if arguments.fail else 0)
"""
WITNESSED = """\
import sys, time
with open(sys.argv[1], "a") as witness:
    witness.write("started\\n")
open("outputs/result.txt", "w").write("42")
time.sleep(float(sys.argv[2]))
"""
ATTACH = """
import json, sys
from aml_plugins import Workspace
from aml_plugins.store.records import DatastoreRecord
blobs, target = map(json.loads, sys.argv[1:])
workspace = Workspace.get("default")
record = DatastoreRecord(workspace="default", name="blobs", type="azure-blob", config=blobs)
workspace.context.store.datastores.add(record)
workspace.update(default_datastore="blobs")
workspace.attach_compute("azure-batch", "cloud", **target)
"""


@pytest.fixture
def pool(azure):
    name = f"pool-{uuid.uuid4().hex[:8]}"
    add_pool(azure, name)
    yield name
    delete_pool(azure, name)


@pytest.fixture
def settings(azure, azurite, pool, monkeypatch):
    """What the two things are registered with, and the secrets that they refer to."""
    monkeypatch.setenv("STORAGE_KEY", azurite.key)
    monkeypatch.setenv("BATCH_KEY", azure.settings.key)
    blobs = {
        "account_url": azurite.url,
        "container": azurite.create_container(),
        "account_key": "secret://env/STORAGE_KEY",
    }
    target = {
        "account_url": azure.batch_url,
        "account_name": azure.settings.account,
        "account_key": "secret://env/BATCH_KEY",
        "pool": pool,
    }
    return blobs, target


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(TRAIN)
    return directory


@pytest.fixture
def workspace(aml_home, settings):
    from aml_plugins.store.records import DatastoreRecord

    workspace = Workspace.create("team-a")
    record = DatastoreRecord(workspace="team-a", name="blobs", type="azure-blob", config=settings[0])
    workspace.context.store.datastores.add(record)
    workspace.update(default_datastore="blobs")
    workspace.attach_compute("azure-batch", "cloud", **settings[1])
    return workspace


def submit(workspace, source, *arguments):
    config = ScriptRunConfig(
        source, script="train.py", arguments=arguments, compute_target="cloud", environment_variables={"WHO": "me"}
    )
    return Experiment(workspace, "iris").submit(config)


def left(workspace, azure):
    """Return what is left on Batch and below ``jobs/`` in the container."""
    from aml_plugins.datastores.opening import default_datastore

    backend = workspace.context.backends.get("team-a", "cloud")
    blobs = default_datastore(workspace.context, "team-a")
    return [handle.job_id for handle in backend.list_jobs()] + [path for path, _ in blobs.list("jobs")]


def test_a_script_runs_and_everything_comes_back(workspace, source, tmp_path, azure, capsys):
    run = submit(workspace, source, "--alpha", 0.25)
    run.wait_for_completion(show_output=True)
    assert run.status == "Completed"
    assert "alpha is 0.25 on pool-" in capsys.readouterr().out
    assert run.get_metrics() == {"loss": 0.8}
    assert [child.get_metrics() for child in run.get_children()] == [{"score": 0.5}]
    model = json.loads(run.download_file("outputs/model.json", tmp_path).read_text())
    assert model == {"who": "me", "key": False}
    assert left(workspace, azure) == []


def test_a_failure_brings_its_log_home(workspace, source, azure):
    run = submit(workspace, source, "--fail")
    with pytest.raises(OperationFailedError, match="exit code 3"):
        run.wait_for_completion()
    assert "alpha is 1.0" in run.get_logs()
    assert left(workspace, azure) == []


def test_who_follows_a_run_that_lost_its_node_reads_the_log_from_its_beginning(workspace, source, azure, pool):
    run = submit(workspace, source, "--sleep", 3600)
    log, read = RunLog(workspace.context), b""
    while b"alpha is" not in read:
        read += log.new(workspace.driver.drive([run.id])[run.id])

    azure.lose_node(pool)
    while read.count(b"alpha is") < 2:
        read += log.new(workspace.driver.drive([run.id])[run.id])
    run.cancel()
    run.wait_for_completion(raise_on_error=False)

    line = read[: read.index(b"\n") + 1]
    assert read == line + BEGUN_ANEW.encode() + b"\n" + line
    assert log.new(run.record) == run.get_logs().encode()[len(line) :]


def test_a_cancelled_run_leaves_nothing_but_its_log(workspace, source, azure, capsys):
    run = submit(workspace, source, "--sleep", 3600)
    from aml_plugins.testing.jobs import wait_until

    wait_until(lambda: "alpha is" in run.get_logs() if run.status == "Running" else False)
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"
    assert "alpha is 1.0" in run.get_logs()
    assert left(workspace, azure) == []


def test_a_submitter_killed_at_any_boundary_loses_nothing_and_starts_nothing_twice(
    tmp_path, migrated_database, settings, source, azure
):
    root, witness = tmp_path / "homes", tmp_path / "witness"
    root.mkdir()
    witness.mkdir()
    shutil.copyfile(migrated_database, root / "aml.db")
    (source / "script.py").write_text(WITNESSED)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "MLFLOW_"))}
    clean["AML_HOME"] = str(root)
    subprocess.run([sys.executable, "-c", ATTACH, *map(json.dumps, settings)], env=clean, check=True)
    options = ["--target", "cloud", "--witness", str(witness), "--first", "10", "--every", "17"]
    command = [sys.executable, str(PROGRAM), str(root), str(source), *options]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    trials = [row for line in done.stdout.splitlines() if line[:1] == "{" and "state" in (row := json.loads(line))]
    assert len(trials) > 2
    for trial in trials:
        assert trial["state"] in {None, "Completed"}, trial
        assert trial["lines"] == (trial["state"] is not None), trial
        assert trial["left"] == [], trial
        assert trial["slots"], trial
