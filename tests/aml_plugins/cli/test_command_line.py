"""``aml`` as people use it: real processes, exit codes, JSON, sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.testing.waiting import wait_until

SCRIPT = """\
import argparse, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1.0)
parser.add_argument("--sleep", type=float, default=0.0)
arguments = parser.parse_args()
print("alpha", arguments.alpha, flush=True)
time.sleep(arguments.sleep)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/model.txt").write_text("model")
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text(SCRIPT)
    return directory


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def aml(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aml_plugins.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def aml_json(*arguments: object) -> Any:
    return json.loads(aml(*arguments[:2], "-o", "json", *arguments[2:]).stdout)  # what follows -- is the script's


def test_the_whole_journey(aml_home: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    aml("workspace", "create", "team-a")
    monkeypatch.setenv("AML_WORKSPACE", "team-a")
    aml("compute", "attach", "local", "my-box", "--set", "max_parallel_runs=2")
    shown = aml("run", "submit", source, "--script", "train.py", "--target", "my-box", "--experiment", "iris",
                "--wait", "--", "--alpha", "0.5").stdout  # fmt: skip

    assert "alpha 0.5" in shown
    (run,) = aml_json("run", "list")
    assert (run["state"], run["target"], run["experiment"]) == ("Completed", "my-box", "iris")
    assert "alpha 0.5" in aml("run", "logs", run["id"]).stdout
    assert aml_json("run", "outputs", run["id"]) == ["outputs/model.txt"]
    aml("run", "outputs", run["id"], "--download", tmp_path / "got")
    assert (tmp_path / "got" / "outputs" / "model.txt").read_text() == "model"
    assert "It has: logs/" in aml("run", "outputs", run["id"], "--path", "output.txt", code=2).stderr
    assert [file["path"] for file in aml_json("run", "snapshot", run["id"])] == ["train.py"]
    assert aml_json("run", "show", run["id"][:10])["exit_code"] == 0
    assert aml_json("model", "register", "iris", "--run", run["id"], "--path", "outputs/model.txt")["version"] == "1"
    assert [model["name"] for model in aml_json("model", "list")] == ["iris"]
    assert aml_json("experiment", "list")[0]["runs"] == 1
    assert "Did you mean 'iris'?" in aml("experiment", "show", "irsi", code=2).stderr
    (task,) = aml_json("task", "list")
    assert (task["kind"], task["progress"], task["message"]) == ("run", 1.0, "Its results are here.")
    shown = aml("task", "show", run["id"]).stdout
    assert "100%" in shown
    assert shown.endswith(f'Result: {{"run": "{run["id"]}", "state": "Completed", "exit_code": 0}}\n')
    assert aml_json("compute", "list")[1]["name"] == "my-box"
    assert [finding for finding in aml_json("doctor") if not finding["healthy"]] == []


def test_without_waiting_a_monitor_of_its_own_brings_the_run_home(
    aml_home: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_AUTO_MONITOR", "1")
    run_id = aml_json("run", "submit", source, "--script", "train.py", "--", "--sleep", 1)["id"]

    wait_until(lambda: aml_json("run", "show", run_id)["state"] == "Completed")
    assert aml_json("run", "outputs", run_id) == ["outputs/model.txt"]


def test_interrupted_waiting_leaves_the_run_and_says_how_to_cancel_it(aml_home: Path, source: Path) -> None:
    command = [sys.executable, "-m", "aml_plugins.cli", "run", "submit", str(source), "--script", "train.py"]
    command += ["--wait", "--", "--sleep", "120"]
    waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert waiting.stdout
    for line in waiting.stdout:
        if line.startswith("alpha"):
            break
    wait_until(lambda: aml_json("run", "list")[0]["state"] == "Running")
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=60)

    assert waiting.returncode == 130
    (run,) = aml_json("run", "list")
    assert f"aml run cancel {run['id']}" in said
    assert run["state"] == "Running"
    aml("run", "cancel", run["id"])
    assert aml_json("run", "show", run["id"])["state"] == "Canceled"


def test_interrupted_before_it_has_begun(aml_home: Path) -> None:
    probe = """
import sys
class Impatient:
    def find_spec(self, name, *_):
        if name == "aml_plugins.cli.failures":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Impatient())
sys.argv = ["aml", "run", "list"]
from aml_plugins.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (130, "\nInterrupted.\n")


def test_interrupted_after_the_last_word(aml_home: Path) -> None:
    """Also while Python tidies up, where it has put the signal's default back."""
    probe = """
import os, signal, sys
class Late:
    def __del__(self, kill=os.kill, process=os.getpid(), number=signal.SIGINT):
        kill(process, number)
sys.late = Late()
sys.argv = ["aml", "completion", "bash"]
from aml_plugins.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert "complete" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_what_no_command_needs_is_not_imported_until_somebody_does(aml_home: Path) -> None:
    probe = """
import sys
from aml_plugins.cli.left_out import leave_out
leave_out()
import pydantic, urllib3.connectionpool
pydantic.create_model("Made", x=(int, 1))()
print("importlib.metadata" in sys.modules)
from pydantic.plugin._loader import PYDANTIC_ENTRY_POINT_GROUP
print(PYDANTIC_ENTRY_POINT_GROUP)
from urllib3.http2 import extract_from_urllib3, probe
import urllib3.http2 as real
print(extract_from_urllib3.__module__, real.__file__ is not None, probe is urllib3.connection.http2_probe)
print(hasattr(real, "nothing"))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout.split() == ["False", "pydantic", "urllib3.http2", "True", "True", "False"]


def test_what_does_not_travel_is_said_and_a_list_has_one_line_for_each(aml_home: Path, source: Path) -> None:
    (source / "gone").symlink_to("nowhere")
    (source / "bad.py").write_text("raise SystemExit('one\\ntwo')")

    said = aml("run", "submit", source, "--script", "bad.py", "--wait", code=1).stderr

    assert "'gone' is a symbolic link to nothing and stays behind." in said
    _, row = aml("task", "list").stdout.splitlines()
    assert row.endswith("The last lines of its log: …")


def test_a_failed_run_is_exit_code_1_with_its_last_lines(aml_home: Path, source: Path) -> None:
    (source / "bad.py").write_text("print('it was me', 1, sep='\\n')\nraise SystemExit(1)")

    said = aml("run", "submit", source, "--script", "bad.py", "--wait", code=1).stderr

    assert "exit code 1. The last lines of its log:\nit was me\n1" in said


def test_what_the_runner_says_itself_is_said_once(aml_home: Path, source: Path) -> None:
    (source / "dead.runconfig").write_text("environment: {kind: existing, interpreter: /no/such/python}")

    aml("run", "submit", source, "-c", "dead", "--script", "train.py", "--wait", code=1)

    (run,) = json.loads(aml("run", "list", "-o", "json").stdout)
    assert run["reason"].count("/no/such/python") == 1


def test_what_a_target_refuses_is_said_once_to_whoever_looks(aml_home: Path, source: Path) -> None:
    aml("compute", "attach", "local", "dead", "--python", "/no/such/python")

    waited = aml("run", "submit", source, "--script", "train.py", "--target", "dead", "--wait", code=1)

    run_id = waited.stderr.split("aml run show ")[1].strip()
    followed, shown = aml("run", "logs", "-f", run_id), aml("run", "show", run_id)
    assert [one.stderr.count("/no/such/python") for one in (waited, followed, shown)] == [1, 1, 0]
    assert [one.stdout.count("/no/such/python") for one in (waited, followed, shown)] == [0, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "submit", "nowhere", "--script", "x.py"], "does not exist"),
        (["run", "show", "0" * 32], "Error: "),
        (["run", "list", "--state", "Runing"], "Did you mean 'Running'"),
        (["rum"], "Did you mean 'run'"),
        (["compute", "attach", "lokal", "x"], "Did you mean 'local'"),
        (["compute", "attach", "local", "x", "--set", "max_paralel_runs=2"], "Did you mean 'max_parallel_runs'"),
        (["compute", "attach", "local", "Not A Name"], "cannot be the name of a compute target"),
        (["compute", "detach", "nothing"], "no compute target 'nothing'"),
        (["workspace", "create", "A"], "Error: "),
        (["-w", "nobody"], "No such option"),
        (["run", "list", "-w", "nobody"], "no workspace 'nobody'"),
        (["run", "list", "--store", "aml+sqlite:////nowhere/at/all/x.db"], "Error: "),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(aml_home: Path, arguments: list[str], sentence: str) -> None:
    command = [sys.executable, "-m", "aml_plugins.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120, check=False)

    assert done.returncode in {2, 3}, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_store_may_stand_before_the_noun(aml_home: Path, tmp_path: Path) -> None:
    uri = f"aml+sqlite:///{tmp_path / 'other.db'}"
    aml("--server", uri, "workspace", "create", "team-z")
    assert "team-z" in aml("--store", uri, "workspace", "list").stdout
    assert "team-z" not in aml("workspace", "list").stdout


def test_the_version_needs_no_import(aml_home: Path) -> None:
    probe = "import sys; sys.argv = ['aml', '--version']\nfrom aml_plugins.cli import main; main()\n"
    probe += "print(sorted({'click', 'mlflow', 'pydantic', 'sqlalchemy', 'typing'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{probe}"],
                          capture_output=True, text=True, check=True)  # fmt: skip

    assert done.stdout.splitlines() == ["aml 0.1.0", "[]"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_noun_and_verb(aml_home: Path, shell: str) -> None:
    script = aml("completion", shell).stdout

    for word in ("workspace", "compute", "attach", "submit", "--experiment", "monitor"):
        assert word in script


def test_bash_completes(aml_home: Path, tmp_path: Path) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(aml("completion", "bash").stdout)
    probe = f'source {script}; COMP_WORDS=(aml run su); COMP_CWORD=2; _aml; echo "${{COMPREPLY[@]}}"'

    done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "submit"
