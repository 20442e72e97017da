"""Records are a stranger's: what is wrong is said, the rest arrives, and nobody else's run is touched."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aml_plugins.mlflow_store.history import open_history
from aml_plugins.mlflow_store.workspaces import create_workspace
from aml_plugins.runs.history import RunHistory
from aml_plugins.runs.records import RecordReplay, child_run_id
from aml_plugins.runs.records.format import parse_line
from aml_plugins.runs.records.names import artifact_path, metric_name

NewRun = Callable[[], tuple[str, str]]


def _line(run: str, number: int, **fields: Any) -> bytes:
    return json.dumps({"v": 1, "w": "w", "n": number, "t": 1, "run": run, **fields}).encode() + b"\n"


def _log(run: str, number: int, **fields: Any) -> bytes:
    return _line(run, number, **{"op": "log", "name": "a", "values": [1], **fields})


BAD = [
    b"\n\xff\xfe\n",
    b"{}\n",
    b"[]\n",
    b"nonsense\n",
    b"[" * 100_000 + b"\n",
    b'{"v":1' + b" " * 5_000_000 + b"}\n",
    _log("RUN", 1, v=2),
    _log("RUN", 0),
    _log("RUN", True),
    _log("RUN", 1, t=-1),
    _log("RUN", 1, t=10**15),
    _log("RUN", 1, t="1"),
    _log("RUN", 1, name=""),
    _log("RUN", 1, name="x" * 20_000),
    _log("RUN", 1, values=[[1]]),
    _log("RUN", 1, values=[{"f": "big"}]),
    _log("RUN", 1, values=[float("nan")]),
    _log("RUN", 1, step=2**63),
    _log("RUN", 1, step=1.5),
    _log("RUN", 1, op="drop"),
    _log("RUN", 1, w="x" * 65),
    _log("f" * 32, 1),
    _line("RUN", 1, op="status", status="Completed"),
    _line("RUN", 1, op="status", status="Finished"),
    _line("RUN", 1, op="tags", set={"mlflow.parentRunId": "f" * 32}),
    _line("RUN", 1, op="tags", set={"aml.state": "Completed"}),
    _line("RUN", 1, op="child", child="f" * 32, key="k"),
    _line("RUN", 1, op="rows", name="t", columns=["a", "a"], rows=[[1, 2]]),
    _line("RUN", 1, op="rows", name="t", columns=["a"], rows=[[1, 2]]),
    _line("RUN", 1, op="files", paths=["../secret"]),
    _line("RUN", 1, op="files", paths=["/etc/passwd"]),
    _line("RUN", 1, op="files", paths=["missing"]),
    _line("RUN", 1, op="files", paths=["link"]),
    _line("RUN", 1, op="files", paths=["folder/secret"]),
    _line("RUN", 1, op="files", paths=["directory"]),
    _line("RUN", 1, op="chart", name="c", kind="image", path="a/../../secret"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda line: line[:90].decode("utf-8", "replace").strip())
def test_bad_line_is_reported_and_the_next_arrives(
    history: RunHistory, new_run: NewRun, tmp_path: Path, bad: bytes
) -> None:
    (run_id, experiment), (other, _) = new_run(), new_run()
    (tmp_path / "secret").write_text("secret")
    uploads = tmp_path / "uploads" / run_id
    (uploads / "directory").mkdir(parents=True)
    (uploads / "link").symlink_to(tmp_path / "secret")
    (uploads / "folder").symlink_to(tmp_path, target_is_directory=True)
    replay = RecordReplay(history, run_id, experiment, tmp_path / "uploads")
    problems = replay.apply(bad.replace(b"RUN", run_id.encode()) + _log(run_id, 2, name="good"))
    view = history.get(run_id)
    assert (len(problems), view.metrics, view.status) == (1, {"good": 1.0}, "RUNNING")
    assert len(problems[0]) < 600
    assert list(history.files(run_id)) == []
    assert not {"mlflow.parentRunId", "aml.state"} & set(view.tags)
    assert history.children(run_id) == []
    assert history.get(other).metrics == {}


def test_foreign_runs_cannot_be_adopted(history: RunHistory, new_run: NewRun) -> None:
    (run_id, experiment), (other, _) = new_run(), new_run()
    replay = RecordReplay(history, run_id, experiment)
    steal = _line(run_id, 1, op="child", child=other, key="k") + _log(other, 2)
    nephew = child_run_id(other, "k")
    born = _line(other, 3, op="child", child=nephew, key="k") + _log(nephew, 4)
    assert len(replay.apply(steal + born)) == 4
    assert history.get(other).metrics == {}
    assert "mlflow.parentRunId" not in history.get(other).tags


def test_problems_are_bounded(history: RunHistory, new_run: NewRun) -> None:
    problems = RecordReplay(history, *new_run()).apply(b"x\n" * 5000)
    assert len(problems) == 21
    assert problems[-1] == "and 4980 more"


def test_file_in_the_way_of_a_folder_is_left_out(history: RunHistory, new_run: NewRun, tmp_path: Path) -> None:
    run_id, experiment = new_run()
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "m").write_text("m")
    history.upload(run_id, outputs, "outputs")
    (tmp_path / "uploads" / run_id).mkdir(parents=True)
    (tmp_path / "uploads" / run_id / "outputs").write_text("a file of the folder's name")
    replay = RecordReplay(history, run_id, experiment, tmp_path / "uploads")
    problems = replay.apply(_line(run_id, 1, op="files", paths=["outputs"]) + _log(run_id, 2))
    assert (len(problems), history.get(run_id).metrics) == (1, {"a": 1.0})
    assert [info.path for info in history.files(run_id, "outputs")] == ["outputs/m"]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_line_raises(line: bytes) -> None:
    assert isinstance(parse_line(line), str)


@given(st.text(max_size=300))
def test_metric_names_are_mlflows(original: str) -> None:
    from mlflow.utils.validation import _validate_metric_name

    _validate_metric_name(metric_name(original))


@given(st.text(alphabet="ab./\\:\0 ", max_size=12))
def test_artifact_paths_stay_below(path: str) -> None:
    clean = artifact_path(path)
    root = Path("/root/of/run")
    assert clean is None or (Path(f"{root}/{clean}").is_relative_to(root) and ".." not in clean.split("/"))


TEXT = st.text(max_size=20)
LABEL = st.dictionaries(TEXT, TEXT | st.none(), max_size=3)
CELL = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
ROWS = st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=2)
FIELDS = st.one_of(
    st.fixed_dictionaries({"op": st.just("log"), "name": TEXT, "values": st.lists(CELL, max_size=3)}),
    st.fixed_dictionaries({"op": st.just("rows"), "name": TEXT, "columns": st.just(["a", "\0"]), "rows": ROWS}),
    st.fixed_dictionaries({"op": st.just("tags"), "set": LABEL}),
    st.fixed_dictionaries({"op": st.just("properties"), "set": LABEL}),
    st.fixed_dictionaries({"op": st.just("untag"), "names": st.lists(TEXT, max_size=2)}),
    st.fixed_dictionaries({"op": st.just("files"), "paths": st.lists(TEXT, max_size=2)}),
    st.fixed_dictionaries({"op": st.just("display"), "name": TEXT, "description": TEXT}),
    st.fixed_dictionaries({"op": st.just("model"), "name": TEXT, "path": TEXT, "tags": LABEL}),
    st.fixed_dictionaries({"op": st.just("error"), "error": st.dictionaries(TEXT, CELL, max_size=3)}),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_history(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RunHistory:
    if request.param == "sqlite":
        history: RunHistory = request.getfixturevalue("history")
        return history
    monkeypatch.setenv("AML_HOME", str(request.getfixturevalue("tmp_path") / "home"))
    uri = "aml+" + request.getfixturevalue("postgresql_uri")
    create_workspace(uri, "team-a")
    return open_history(uri, "team-a", str(request.getfixturevalue("tmp_path") / "artifacts"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(FIELDS, min_size=1, max_size=6))
def test_no_record_makes_mlflow_refuse_the_rest(
    any_history: RunHistory, tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    """A value that the database or MLflow refuses would stop the replay for ever."""
    run_id, experiment = uuid.uuid4().hex, any_history.ensure_experiment("iris")
    any_history.create_run(run_id, experiment, name="run", tags={})
    lines = b"".join(_line(run_id, number, **fields) for number, fields in enumerate(records, 1))
    replay = RecordReplay(any_history, run_id, experiment, tmp_path / "uploads")
    replay.apply(lines + _log(run_id, 99, name="the last"))
    assert any_history.get(run_id).metrics["the last"] == 1.0
