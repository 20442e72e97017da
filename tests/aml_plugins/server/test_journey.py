"""From the shell against a server: what works on a database works there, and imports no MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from services.aml_server import running_aml_server
from services.aml_users import password_of

from aml_plugins.compute.runner_bundle import runner_file
from aml_plugins.store.opening import open_store
from aml_plugins.testing.waiting import wait_until
from aml_plugins.workspace import Workspace

HELLO = """\
import pathlib, sys
print("Hello,", sys.argv[1])
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/greeting.txt").write_text("hello")
"""
TRAIN = """\
import mlflow
mlflow.log_metric("loss", 0.25)
mlflow.log_text("weights", "model/weights.txt")
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    directory = tmp_path / "scripts"
    directory.mkdir()
    for name, text in {"hello.py": HELLO, "train.py": TRAIN, "sleep.py": "import time\ntime.sleep(600)\n"}.items():
        (directory / name).write_text(text)
    return directory


@pytest.fixture
def aml(aml_server, aml_home, scripts):
    """Run ``aml`` against the server; returns what it printed."""
    aml_server.empty()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"AML_STORE_URI": aml_server.url, "AML_WORKSPACE": "team-a", "AML_HOME": str(aml_home)}

    def run(*arguments: str, code: int = 0, **variables: str) -> str:
        command = [sys.executable, "-X", "importtime", "-m", "aml_plugins.cli", *arguments]
        done = subprocess.run(
            command, cwd=scripts.parent, env=environment | variables, capture_output=True, text=True, check=False
        )
        errors = [line for line in done.stderr.splitlines() if not line.startswith("import time:")]
        assert done.returncode == code, (done.stdout, errors)
        imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
        assert not imported & {"mlflow", "sqlalchemy", "requests"}
        return done.stdout if code == 0 else "\n".join(errors)

    return run


def test_a_script_runs_and_everything_comes_back(aml, tmp_path):
    said = aml("run", "submit", "scripts", "--script", "hello.py", "--experiment", "hello", "--wait", "--", "server")
    assert "Hello, server" in said
    assert "ended as Completed" in said
    (run,) = json.loads(aml("run", "list", "--output", "json"))
    assert (run["state"], run["exit_code"], run["workspace"]) == ("Completed", 0, "team-a")
    assert aml("run", "logs", run["id"]) == "Hello, server\n"
    files = json.loads(aml("run", "outputs", run["id"], "--path", "", "--output", "json"))
    assert files == ["logs/std_log.txt", "outputs/greeting.txt", "snapshot/snapshot.zip"]
    aml("run", "outputs", run["id"], "--download", "got")
    assert (tmp_path / "got" / "outputs" / "greeting.txt").read_text() == "hello"
    assert "hello.py" in aml("run", "snapshot", run["id"])
    assert "version 1" in aml("model", "register", "greeter", "--run", run["id"])
    aml("model", "download", "greeter", "--directory", "models")
    assert (tmp_path / "models" / "outputs" / "greeting.txt").read_text() == "hello"
    assert [task["state"] for task in json.loads(aml("task", "list", "--output", "json"))] == ["Completed"]


def test_mlflows_routes_of_background_jobs_find_their_database(aml_server):
    headers = {"X-MLFLOW-WORKSPACE": "team-a"}
    with httpx.Client(base_url=f"{aml_server.url}/ajax-api/3.0", headers=headers, timeout=120) as mlflow:
        found = mlflow.post("/jobs/search", json={})
        missing = mlflow.get("/jobs/no-such-job")
    assert (found.status_code, found.json()) == (200, {"jobs": []})
    assert missing.status_code == 404
    assert "no-such-job" in missing.text


UNTIL_THE_RUNNER = """
import json, sys
from pathlib import Path
begun = []
def watch(event, arguments):
    if event == "subprocess.Popen" and not begun:
        begun.append(event)
        Path(sys.argv.pop()).write_text(json.dumps([" ".join(arguments[1]), *sorted(sys.modules)]))
sys.addaudithook(watch)
from aml_plugins.cli import main
main()
"""


NOT_BEFORE_IT_RUNS = {
    *("asyncio", "concurrent.futures", "importlib.metadata", "lzma", "rich", "shutil", "tempfile", "yaml", "zipfile"),
    *("aml_plugins.compute.runner_archive", "aml_plugins.mlflow_rest.models", "aml_plugins.tasks.delivery"),
    *(
        "aml_plugins.runs.configuration.documents",
        "aml_plugins.telemetry.observing",
        "aml_plugins.workspaces.lifecycle",
    ),
}


def test_a_submission_imports_and_asks_no_more_than_it_needs_before_its_script_runs(
    aml_server, aml_home, scripts, tmp_path
):
    """What only the run's end needs, or another command, is imported while the script runs: the user waits for it."""
    environment = os.environ | {"AML_STORE_URI": aml_server.url, "AML_WORKSPACE": "team-a"}
    command = [
        sys.executable,
        "-c",
        UNTIL_THE_RUNNER,
        "run",
        "submit",
        "scripts",
        "--script",
        "hello.py",
        "--wait",
        "--",
    ]
    runner_file(aml_home)  # made once for each home
    begin = aml_server.log.stat().st_size
    subprocess.run([*command, tmp_path / "modules"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    started, *found = json.loads((tmp_path / "modules").read_text())
    asked = aml_server.log.read_text()[begin:]
    assert {"pydantic", "aml_backends.local.backend", "aml_plugins.runs.reconciliation.driver"} <= set(found)
    assert "aml_runner.launcher" in started  # it loads while the run is written down
    assert sorted(NOT_BEFORE_IT_RUNS.intersection(found)) == []
    assert [asked.count(one) for one in ("get-by-name?", "/compute-targets?", "/datastores?")] == [1, 1, 0]


def test_plain_mlflow_in_the_script_logs_to_the_server(aml, aml_server):
    aml("run", "submit", "scripts", "--script", "train.py", "--experiment", "train", "--wait")
    (run,) = json.loads(aml("run", "list", "--output", "json"))
    workspace = Workspace.connect(aml_server.url, "team-a")
    found = workspace.get_run(run["id"])
    assert found.get_metrics() == {"loss": 0.25}
    assert "model/weights.txt" in found.get_file_names()


def test_the_same_key_is_the_same_run(aml):
    submit = (
        "run",
        "submit",
        "scripts",
        "--script",
        "hello.py",
        "--idempotency-key",
        "k",
        "--wait",
        "-o",
        "json",
        "--",
        "x",
    )
    assert json.loads(aml(*submit))["id"] == json.loads(aml(*submit))["id"]


def test_a_run_is_canceled(aml):
    run = json.loads(aml("run", "submit", "scripts", "--script", "sleep.py", "-o", "json"))
    assert "ended as Canceled" in aml("run", "cancel", run["id"])


def test_workspaces_are_made_and_listed(aml):
    aml("workspace", "create", "team-made-here", "--exist-ok")
    assert "team-made-here" in aml("workspace", "list")
    assert "There is no workspace 'team-mde-here'. Did you mean 'team-made-here'?" in aml(
        "run", "list", "-w", "team-mde-here", code=2
    )


def test_a_server_that_is_gone_is_a_sentence_and_exit_code_3(aml):
    said = aml("run", "list", "--server", "http://ann:hunter2@127.0.0.1:1", code=3)
    assert said == (
        "Error: The server http://127.0.0.1:1 cannot be reached. Check the address and whether it runs: aml server"
    )


def test_a_password_in_the_uri_reaches_the_server_and_nobody_else(tmp_path, auth_server, aml_home, scripts):
    """It is in no file, in no row, and in no process's arguments; the script logs as its submitter."""
    user = "contributor-of-team-a"
    uri = auth_server.url.replace("http://", f"http://{user}:{password_of(user)}@")
    command = [sys.executable, "-m", "aml_plugins.cli", "run", "submit", "scripts", "--script", "train.py", "--wait"]
    environment = dict(os.environ) | {"AML_STORE_URI": uri, "AML_HOME": str(aml_home), "AML_WORKSPACE": "team-a"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    run = open_store(uri).runs.list("team-a")[0]
    assert (run.user, run.state) == (user, "Completed")
    assert Workspace.connect(uri, "team-a").get_run(run.run_id).get_metrics() == {"loss": 0.25}
    secret, served = password_of(user).encode(), auth_server.directory
    for file in [*aml_home.rglob("*"), *(served / "artifacts").rglob("*"), auth_server.log, auth_server.database]:
        if file.is_file():
            assert secret not in file.read_bytes(), file


def test_the_server_drives_what_nobody_waits_for(tmp_path, migrated_database, scripts, monkeypatch, aml_home):
    """Its home is the submitter's here, so that it reaches the jobs of the target ``local``."""
    with running_aml_server(
        tmp_path / "driving", database=migrated_database, AML_SERVER_MONITOR="1", AML_HOME=str(aml_home)
    ) as server:
        workspace = Workspace.connect(server.url)
        from aml_plugins import ScriptRunConfig

        config = ScriptRunConfig(scripts, script="hello.py", arguments=["monitor"], compute_target="local")
        run = workspace.experiment("hello").submit(config)
        workspace.driver.release()
        runs = open_store(server.url).runs
        wait_until(lambda: runs.find(run.id).state == "Completed", what=lambda: server.log.read_text()[-3000:])
        server.stop()
    assert server.log.read_text().rstrip().endswith("]")  # "Finished server process [PID]"
    assert "Application shutdown complete" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
