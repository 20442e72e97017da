"""``aml server`` as people start it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from services.loopback import free_port
from services.mlflow_server import clean_environment

from aml_plugins.errors import InvalidInputError, MissingExtraError
from aml_plugins.server.settings import ServerSettings
from aml_plugins.server.starting import environment, serve, server_store_uri


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "aml_plugins.cli", "server", *arguments]


def test_it_serves_mlflow_and_us_and_goes_when_told(tmp_path, migrated_database):
    (tmp_path / "aml.db").write_bytes(migrated_database.read_bytes())
    port, log = free_port(), tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("--port", str(port)),
            env=clean_environment(tmp_path),
            cwd=tmp_path,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
        )
    try:
        served = answer_of(process, log, f"http://127.0.0.1:{port}/api/2.0/aml/server")
        assert json.loads(served)["monitor"] is True
        assert b"<title>MLflow</title>" in answer_of(process, log, f"http://127.0.0.1:{port}/")
        assert b"workspaces" in answer_of(process, log, f"http://127.0.0.1:{port}/api/3.0/mlflow/workspaces")
        started = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (process.pid, *children(process.pid))]
        assert not [line for line in started if b"sqlite" in line]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert "Application shutdown complete" in log.read_text()
    assert not children(process.pid)


def test_without_its_extra_it_says_which_one_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sse_starlette", None)  # as if it were not installed
    database = tmp_path / "aml.db"
    with pytest.raises(MissingExtraError, match=r"pip install 'aml-plugins\[server\]'"):
        serve(
            f"aml+sqlite:///{database}", host="127.0.0.1", port=1, workers=1, with_auth=False, monitor=False, options=()
        )
    assert not database.exists()


def test_authentication_without_a_password_is_refused_before_anything_starts(tmp_path, migrated_database):
    (tmp_path / "aml.db").write_bytes(migrated_database.read_bytes())
    done = subprocess.run(
        command("--with-auth", "--port", str(free_port())),
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in done.stderr
    assert "Traceback" not in done.stderr


def test_trace_rollups_that_nobody_would_keep_up_are_refused_before_anything_starts(
    tmp_path, migrated_database, monkeypatch
):
    """MLflow's command looks for them where the database's URI is one of its own."""
    (tmp_path / "aml.db").write_bytes(migrated_database.read_bytes())
    with closing(sqlite3.connect(tmp_path / "aml.db")) as database, database:
        database.execute(
            "INSERT INTO sql_trace_metric_daily_rollups"
            " (experiment_id, rollup_day, metric_name, grouping_set, sample_count)"
            " VALUES (0, '2026-01-01', 'trace_count', 'global', 1)"
        )
    monkeypatch.setattr("os.environ", clean_environment(tmp_path))
    options = {"workers": 1, "with_auth": False, "monitor": False, "options": ["--no-such-option"]}
    with pytest.raises(InvalidInputError, match="mlflow db delete-trace-rollups"):
        serve(f"aml+sqlite:///{tmp_path / 'aml.db'}", host="127.0.0.1", port=1, **options)


def test_a_server_of_a_server_is_refused():
    with pytest.raises(InvalidInputError, match="needs a database"):
        server_store_uri("http://127.0.0.1:5000")
    assert server_store_uri("sqlite:///x.db") == server_store_uri("aml+sqlite:///x.db") == "aml+sqlite:///x.db"


def test_scripts_are_told_an_address_that_they_can_reach(monkeypatch):
    monkeypatch.delenv("AML_SERVER_URL", raising=False)

    def url(host):
        told = environment("aml+sqlite:///x", host=host, port=5000, with_auth=False, monitor=True)
        return told["AML_SERVER_URL"]

    assert url("127.0.0.1") == "http://127.0.0.1:5000"
    assert url("::1") == "http://[::1]:5000"
    assert "0.0.0.0" not in url("0.0.0.0")
    monkeypatch.setenv("AML_SERVER_URL", "https://aml.example.org")
    assert url("0.0.0.0") == "https://aml.example.org"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"_MLFLOW_SERVER_FILE_STORE": "sqlite:///x.db"}, "aml server"),
        ({"AML_SERVER_MONITOR": "perhaps"}, "neither yes nor no"),
        ({"AML_SERVER_UPLOAD_LIMIT": "-1"}, "mebibytes"),
    ],
)
def test_settings_that_cannot_be_are_sentences(monkeypatch, variables, words):
    for name, value in {"_MLFLOW_SERVER_FILE_STORE": "aml+sqlite:///x.db", **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=words):
        ServerSettings.from_environment()


def test_scripts_of_a_guarded_server_log_as_the_user_that_is_named(monkeypatch):
    monkeypatch.delenv("AML_SCRIPT_USERNAME", raising=False)
    settings = ServerSettings(store_uri="aml+sqlite:///x.db", with_auth=True, url="http://h:1")
    assert settings.script_access() == {}
    monkeypatch.setenv("AML_SCRIPT_USERNAME", "scripts")
    monkeypatch.setenv("AML_SCRIPT_PASSWORD", "p")
    told = settings.script_access()
    assert (told["MLFLOW_TRACKING_URI"], told["MLFLOW_TRACKING_USERNAME"]) == ("http://h:1", "scripts")


def test_references_to_the_servers_own_secrets_are_refused(monkeypatch):
    from aml_plugins.errors import PermissionDeniedError
    from aml_plugins.secrets import resolve_secrets

    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
    monkeypatch.setenv("FOR_RUNS", "x")
    monkeypatch.setenv("AML_ENVIRONMENT_SECRETS", "FOR_RUNS")
    assert resolve_secrets({"A": "secret://env/FOR_RUNS"}) == {"A": "x"}
    with pytest.raises(PermissionDeniedError, match="AML_ENVIRONMENT_SECRETS") as caught:
        resolve_secrets({"A": "secret://env/DATABASE_PASSWORD"})
    assert "hunter2" not in str(caught.value)


def answer_of(process: subprocess.Popen[bytes], log: Path, url: str) -> bytes:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found
