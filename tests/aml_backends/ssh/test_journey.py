"""The main job on a machine over SSH, in Python and on the command line."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from services.ssh_machine import SshMachine

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.cli.app import run as run_command
from aml_plugins.errors import OperationFailedError

PROGRAM = Path(__file__).parents[2] / "aml_plugins" / "runs" / "reconciliation" / "crash_everywhere.py"
TRAIN = """\
import argparse, json, os, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1.0)
parser.add_argument("--fail", action="store_true")
parser.add_argument("--sleep", type=float, default=0)
arguments = parser.parse_args()
print("alpha is", arguments.alpha, "at", os.path.expanduser("~"), flush=True)
time.sleep(arguments.sleep)
from azureml.core import Run
run = Run.get_context()
run.log("loss", 1 / (1 + arguments.alpha))
with run.child_run(name="child") as child:
    child.log("score", 0.5)
told = {"who": os.environ["WHO"], "tracking": os.environ["MLFLOW_TRACKING_URI"]}
pathlib.Path("outputs/model.json").write_text(json.dumps(told))
sys.exit(3 if arguments.fail else 0)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(TRAIN)
    return directory


@pytest.fixture
def workspace(aml_home: Path, vm: SshMachine) -> Workspace:
    workspace = Workspace.create("team-a")
    workspace.attach_compute("ssh", "gpu-vm", **vm.settings(slots=2))
    return workspace


def submit(workspace: Workspace, source: Path, *arguments: object):
    config = ScriptRunConfig(
        source, script="train.py", arguments=arguments, compute_target="gpu-vm", environment_variables={"WHO": "me"}
    )
    return Experiment(workspace, "iris").submit(config)


def test_a_script_runs_and_everything_comes_back(
    workspace: Workspace, source: Path, tmp_path: Path, vm: SshMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    run = submit(workspace, source, "--alpha", 0.25)
    run.wait_for_completion(show_output=True)
    assert run.status == "Completed"
    assert f"alpha is 0.25 at {vm.home}" in capsys.readouterr().out
    assert run.get_metrics() == {"loss": 0.8}
    assert [child.get_metrics() for child in run.get_children()] == [{"score": 0.5}]
    model = json.loads(run.download_file("outputs/model.json", tmp_path).read_text())
    # The tracking database is a file here, which means nothing there.
    assert model == {"who": "me", "tracking": "sqlite:///outputs/mlflow.db"}
    assert vm.jobs() == []


def test_a_failure_brings_its_log_home(workspace: Workspace, source: Path, vm: SshMachine) -> None:
    run = submit(workspace, source, "--fail")
    with pytest.raises(OperationFailedError, match="exit code 3"):
        run.wait_for_completion()
    assert "alpha is 1.0" in run.get_logs()
    assert vm.jobs() == []


def test_a_cancelled_run_leaves_nothing(workspace: Workspace, source: Path, vm: SshMachine) -> None:
    run = submit(workspace, source, "--sleep", 3600)
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.status == "Canceled"
    assert vm.jobs() == []


READS_AND_WRITES = """\
import os, pathlib
text = pathlib.Path(os.environ["AZUREML_DATAREFERENCE_train"], "a.txt").read_text()
pathlib.Path(os.environ["AZUREML_DATAREFERENCE_result"], "r.txt").write_text(text * 2)
"""


@pytest.mark.parametrize("mode", ["download", "mount"])
def test_data_of_a_datastore_reach_the_script_and_come_back(
    workspace: Workspace, source: Path, tmp_path: Path, mode: str
) -> None:
    (source / "train.py").write_text(READS_AND_WRITES)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("A")
    workspace.register_datastore("directory", "files", path=str(tmp_path / "root"))
    workspace.datastores["files"].upload(tmp_path / "in", "in")
    data = {
        "train": {"datastore": "files", "path": "in", "mode": mode},
        "result": {"datastore": "files", "path": "out", "mode": "upload"},
    }
    config = ScriptRunConfig(source, script="train.py", compute_target="gpu-vm", data=data)
    run = Experiment(workspace, "data").submit(config).wait_for_completion()
    assert run.status == "Completed"
    assert (tmp_path / "root" / "out" / "r.txt").read_text() == "AA"


def test_the_command_line_attaches_checks_shows_and_tidies(
    aml_home: Path, source: Path, vm: SshMachine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def aml(*words: str) -> str:
        code = run_command(words)
        printed = capsys.readouterr()
        assert code == 0, printed
        return printed.out

    monkeypatch.setenv("VM_KEY", vm.key_file.read_text())
    aml("compute", "attach", "ssh", "gpu-vm", "--host", f"127.0.0.1:{vm.port}", "--user", vm.user,
        "--key", "secret://env/VM_KEY", f"--fingerprint={vm.fingerprint}", "--python", vm.python)  # fmt: skip
    assert "ok       gpu-vm: 127.0.0.1" in aml("compute", "check", "gpu-vm")
    shown = json.loads(aml("compute", "show", "gpu-vm", "-o", "json"))
    assert (shown["state"], shown["running"], shown["key"]) == ("ready", 0, "secret://env/VM_KEY")
    assert "PRIVATE KEY" not in aml("compute", "list")

    lost = submit(Workspace.get(), source, "--sleep", 3600)
    assert json.loads(aml("compute", "gc", "-o", "json")) == []
    with contextlib.closing(sqlite3.connect(aml_home / "aml.db")) as database:
        database.execute("DELETE FROM aml_runs WHERE run_id = ?", [lost.id])
        database.commit()

    orphans = json.loads(aml("compute", "gc", "gpu-vm", "-o", "json"))
    assert [(row["job"], row["state"]) for row in orphans] == [(f"aml-{lost.id}-1", "found")]
    assert "aml compute gc --delete" in aml("compute", "gc")
    assert len(vm.jobs()) > 1
    assert [row["state"] for row in json.loads(aml("compute", "gc", "--delete", "-o", "json"))] == ["deleted"]
    assert vm.jobs() == []
    assert "No orphans" in aml("compute", "gc")


def test_a_submitter_killed_at_any_boundary_loses_nothing_and_starts_nothing_twice(
    tmp_path: Path, migrated_database: Path, vm: SshMachine, source: Path
) -> None:
    """As for the target ``local``, at every few boundaries; those inside of the backend are in test_crashes.py."""
    root, witness = tmp_path / "homes", vm.home / "witness"
    root.mkdir()
    witness.mkdir()
    shutil.copyfile(migrated_database, root / "aml.db")
    (source / "script.py").write_text(WITNESSED)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "MLFLOW_"))}
    clean["AML_HOME"] = str(root)
    subprocess.run([sys.executable, "-c", ATTACH, json.dumps(vm.settings())], env=clean, check=True)
    options = ["--target", "vm", "--witness", str(witness), "--first", "5", "--every", "8"]
    command = [sys.executable, str(PROGRAM), str(root), str(source), *options]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=True, timeout=500)
    trials = [row for line in done.stdout.splitlines() if line[:1] == "{" and "state" in (row := json.loads(line))]
    assert len(trials) > 3
    for trial in trials:
        assert trial["state"] in {None, "Completed"}, trial
        assert trial["lines"] == (trial["state"] is not None), trial
        assert trial["left"] == [], trial
        assert trial["slots"], trial
    assert vm.jobs() == []


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
Workspace.get("default").attach_compute("ssh", "vm", **json.loads(sys.argv[1]))
"""
