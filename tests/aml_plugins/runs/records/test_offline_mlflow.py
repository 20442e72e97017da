"""A script that logs with plain MLflow where it has no way to the tracking store: all of it comes home."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aml_backends.local.backend import LocalBackend
from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.runs.records.offline_mlflow import replay_offline_mlflow

SCRIPT = """\
import math, os, pathlib
import mlflow
assert os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:///outputs/"), os.environ["MLFLOW_TRACKING_URI"]

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input

with mlflow.start_run():
    for step in range(3):
        mlflow.log_metric("loss", 1 / (1 + step), step=step)
    mlflow.log_metric("nothing", math.nan)
    mlflow.log_param("alpha", 0.5)
    mlflow.set_tag("team", "a")
    pathlib.Path("note.txt").write_text("hello")
    mlflow.log_artifact("note.txt", "notes")
    mlflow.pyfunc.log_model(name="model", python_model=Model(), pip_requirements=[])
    with mlflow.start_run(nested=True, run_name="fold 1"):
        mlflow.log_metric("score", 0.25)
pathlib.Path("outputs/own.txt").write_text("mine")
"""


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine as a target that does not see the submitter's files."""
    monkeypatch.setattr(LocalBackend, "shares_files", False)


def test_everything_comes_home(aml_home: Path, far_away: None, tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    workspace = Workspace.create("team-a")
    config = ScriptRunConfig(source, script="train.py", compute_target="local")
    run = Experiment(workspace, "offline").submit(config).wait_for_completion()

    assert run.status == "Completed", run.get_logs()
    history = workspace.context.history("team-a")
    assert [(point.step, point.value) for point in history.metric_history(run.id, "loss")] == [
        (0, 1),
        (1, 0.5),
        (2, 1 / 3),
    ]
    view = history.get(run.id)
    assert view.params == {"alpha": "0.5"}
    assert view.tags["team"] == "a"
    assert str(view.metrics["nothing"]) == "nan"
    [child] = run.get_children()
    assert (child.name, child.get_metrics(), child.status) == ("fold 1", {"score": 0.25}, "Completed")
    files = set(run.get_file_names())
    assert {"notes/note.txt", "model/MLmodel", "outputs/own.txt", "outputs/mlflow.db"} <= files
    assert run.register_model("kept", "model").version == "1"


class Listener:
    """Hears what would be written."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: self.heard.append((name, arguments, options))


def replay(outputs: Path) -> list[Any]:
    listener = Listener()
    replay_offline_mlflow(listener, "0" * 32, "1", outputs, "FAILED")  # type: ignore[arg-type]
    return listener.heard


TABLES = """
CREATE TABLE runs (run_uuid, name, status, start_time, end_time, lifecycle_stage);
CREATE TABLE metrics (key, value, timestamp, run_uuid, step, is_nan);
CREATE TABLE params (key, value, run_uuid);
CREATE TABLE tags (key, value, run_uuid);
"""


def write(outputs: Path, *statements: str, tables: str = TABLES) -> None:
    outputs.mkdir(exist_ok=True)
    with closing(sqlite3.connect(outputs / "mlflow.db")) as database:
        database.executescript(tables)
        for statement in statements:
            database.execute(statement)
        database.commit()


def test_no_database_is_no_news(tmp_path: Path) -> None:
    assert replay(tmp_path) == []


@pytest.mark.parametrize(
    "content", [b"", b"not a database", b"SQLite format 3\0" + b"\xff" * 5000], ids=["empty", "text", "damaged"]
)
def test_what_is_no_database_is_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(content)
    assert replay(tmp_path) == []
    assert (tmp_path / "mlflow.db").read_bytes() == content


def test_a_view_is_no_table(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    write(
        tmp_path,
        tables=TABLES.replace("CREATE TABLE runs (", "CREATE TABLE other (") + f"CREATE VIEW runs AS {endless};",
    )
    assert replay(tmp_path) == []


def test_values_of_wrong_types_and_reserved_names_are_left_out(tmp_path: Path) -> None:
    run = "a" * 32
    write(
        tmp_path,
        f"INSERT INTO runs VALUES ('{run}', 'x', 'RUNNING', 1, NULL, 'active')",
        "INSERT INTO runs VALUES ('../../x', 'x', 'RUNNING', 2, NULL, 'active')",
        f"INSERT INTO runs VALUES ('{'b' * 32}', x'00', 'NONSENSE', -5, 'x', 'active')",
        f"INSERT INTO metrics VALUES ('good', 1.5, 10, '{run}', 0, 0)",
        f"INSERT INTO metrics VALUES ('bad', 'text', 10, '{run}', 0, 0)",
        f"INSERT INTO metrics VALUES (x'00', 1, 10, '{run}', 0, 0)",
        f"INSERT INTO metrics VALUES ('../x', 2, 'now', '{run}', 3, 0)",
        f"INSERT INTO tags VALUES ('mlflow.user', 'root', '{run}')",
        f"INSERT INTO tags VALUES ('aml.state', 'Completed', '{run}')",
        f"INSERT INTO tags VALUES ('fine', 'yes', '{run}')",
    )
    heard = replay(tmp_path)
    logged = {arguments[0]: options for name, arguments, options in heard if name == "log"}
    mine = next(options for run_id, options in logged.items() if any(m.key == "good" for m in options["metrics"]))
    assert [(metric.key, metric.value, metric.timestamp) for metric in mine["metrics"]] == [
        ("good", 1.5, 10),
        ("x", 2.0, 0),
    ]
    assert mine["tags"] == {"fine": "yes"}
    assert len(logged) == 2
    statuses = [arguments[1] for name, arguments, _ in heard if name == "set_status"]
    assert statuses == ["FAILED"]
