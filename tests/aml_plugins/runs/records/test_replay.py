"""Records written by hand, replayed into MLflow."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.errors import StoreError
from aml_plugins.runs.history import Metric, RunHistory
from aml_plugins.runs.records import RecordReplay, as_azureml_metrics, child_run_id
from aml_plugins.runs.runner.script_api.aml_script_run.surroundings import child_run_id as the_scripts_child_run_id

NewRun = Callable[[], tuple[str, str]]
TIME = 1_700_000_000_000


class Script:
    """Writes records as one process would."""

    def __init__(self, run_id: str, writer: str = "w") -> None:
        self.run_id = run_id
        self._writer = writer
        self._numbers = itertools.count(1)

    def line(self, op: str, *, run: str | None = None, time: int = TIME, **fields: Any) -> bytes:
        head = {"v": 1, "w": self._writer, "n": next(self._numbers), "t": time, "run": run or self.run_id, "op": op}
        return json.dumps({**head, **fields}).encode() + b"\n"

    def log(self, name: str, *values: Any, step: int | None = None, **other: Any) -> bytes:
        return self.line("log", name=name, values=list(values), step=step, **other)

    def child(self, key: str, parent: str | None = None, name: str | None = None) -> tuple[str, bytes]:
        child = child_run_id(parent or self.run_id, key)
        return child, self.line("child", run=parent, child=child, key=key, name=name)


@pytest.fixture
def run(new_run: NewRun) -> tuple[str, str]:
    return new_run()


@pytest.fixture
def script(run: tuple[str, str]) -> Script:
    return Script(run[0])


@pytest.fixture
def replay(history: RunHistory, run: tuple[str, str], tmp_path: Path) -> RecordReplay:
    return RecordReplay(history, *run, tmp_path / "uploads")


def _points(history: RunHistory, run_id: str, key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in history.metric_history(run_id, key)]


def test_script_and_core_derive_one_id() -> None:
    assert child_run_id("a", "é\n") == the_scripts_child_run_id("a", "é\n")


def test_equal_values_of_one_millisecond_stay_two_points(
    history: RunHistory, replay: RecordReplay, script: Script
) -> None:
    lines = script.log("a", 1, 1) + script.log("a", 1) + b"".join(script.log("b", 0.5, step=3) for _ in range(4))
    for _ in range(3):
        assert replay.apply(lines) == []
    assert _points(history, script.run_id, "a") == [(0, 1), (1, 1), (2, 1)]
    assert _points(history, script.run_id, "b") == [(3, 0.5)] * 4


def test_values_that_mlflow_stores_alike_stay_two_points(
    history: RunHistory, replay: RecordReplay, script: Script
) -> None:
    for values in ((0.0, -0.0), ({"f": "nan"}, {"f": "nan"}), ({"f": "inf"}, 1.7976931348623157e308)):
        name = f"m{values[0]}".replace("{", "").replace("}", "")
        assert replay.apply(b"".join(script.log(name, value, step=0) for value in values)) == []
    view = history.get(script.run_id)
    assert len(view.metrics) == 3
    assert [len(history.metric_history(script.run_id, key)) for key in view.metrics] == [2, 2, 2]
    assert any(math.isnan(value) for value in view.metrics.values())


def test_many_points_in_one_apply(history: RunHistory, replay: RecordReplay, script: Script) -> None:
    assert replay.apply(script.log("a", *range(5000))) == []
    assert _points(history, script.run_id, "a") == [(step, step) for step in range(5000)]


@pytest.mark.parametrize(
    ("original", "key"),
    [
        ("loss", "loss"),
        ("val/loss: top-1 (%)", "val/loss: top-1 ___"),
        ("/a//b/../c/", "a/b/c"),
        ("..", "unnamed"),
        ("größe", "größe"),
        ("a\nb\0c", "a_b_c"),
        ("x" * 400, "x" * 250),
    ],
)
def test_any_metric_name_is_kept(
    history: RunHistory, replay: RecordReplay, script: Script, original: str, key: str
) -> None:
    assert replay.apply(script.log(original, 1)) == []
    view = history.get(script.run_id)
    assert view.metrics == {key: 1.0}
    names = as_azureml_metrics({key: history.metric_history(script.run_id, key)}, view.tags)
    assert names == {original.replace("\0", ""): 1.0} or len(original) > 250


def test_names_that_become_one_are_told_apart(history: RunHistory, replay: RecordReplay, script: Script) -> None:
    assert replay.apply(script.log("a(b", 1) + script.log("a)b", 2) + script.log("a_b", 3)) == []
    view = history.get(script.run_id)
    assert view.metrics == {"a_b": 1, "a_b_2": 2, "a_b_3": 3}
    assert as_azureml_metrics({key: [Metric(key, value, 0)] for key, value in view.metrics.items()}, view.tags) == {
        "a(b": 1,
        "a)b": 2,
        "a_b": 3,
    }


def test_what_is_no_number_is_a_tag_and_a_table(
    history: RunHistory, replay: RecordReplay, script: Script, tmp_path: Path
) -> None:
    assert replay.apply(script.log("best", "rbf", 0.5, "poly", None)) == []
    view = history.get(script.run_id)
    assert (view.tags["aml.text.best"], view.metrics["best"]) == ("None", 0.5)
    table = json.loads(history.download(script.run_id, "tables/best.json", tmp_path).read_text())
    assert table == {"columns": ["value"], "data": [["rbf"], ["poly"], [None]]}


def test_tables_grow_and_keep_what_json_has_not(
    history: RunHistory, replay: RecordReplay, script: Script, tmp_path: Path
) -> None:
    first = script.line("rows", name="t%", columns=["x"], rows=[[1], [{"f": "nan"}]])
    second = script.line("rows", name="t%", columns=["y", "x"], rows=[["é", True]])
    assert replay.apply(first) == []
    assert replay.apply(first + second) == []
    table = json.loads(history.download(script.run_id, "tables/t_.json", tmp_path).read_text())
    assert table == {"columns": ["x", "y"], "data": [[1, None], ["NaN", None], [True, "é"]]}
    view = history.get(script.run_id)
    assert view.tags["aml.table.t_"] == "tables/t_.json"
    histories = {key: history.metric_history(script.run_id, key) for key in view.metrics}
    assert [point.step for point in histories["t_/x"]] == [0, 1, 2]
    assert str(as_azureml_metrics(histories, view.tags)) == "{'t%': {'x': [1.0, nan, 1.0]}}"


def test_removed_tag_is_empty_where_the_history_cannot_remove(
    history: RunHistory, replay: RecordReplay, script: Script
) -> None:
    assert replay.apply(script.line("tags", set={"a": "1", "b": None})) == []
    assert replay.apply(script.line("untag", names=["a"])) == []
    tags = history.get(script.run_id).tags
    assert tags.get("a", "") == ""
    assert tags["b"] == ""


def test_children_and_their_ends(history: RunHistory, run: tuple[str, str], script: Script) -> None:
    one, first = script.child("one", name="One")
    two, second = script.child("two")
    grand, third = script.child("grand", parent=one)
    lines = first + second + third + script.log("m", 2, run=grand)
    lines += script.line("status", run=one, status="Running") + script.line(
        "status", run=one, status="Failed", time=TIME + 9
    )
    replay = RecordReplay(history, *run)
    assert replay.apply(lines) == []
    replay.close_children("KILLED", TIME + 10)
    found = {child.run_id: child for child in history.children(script.run_id)}
    assert (found[one].name, found[one].status, found[one].end_time) == ("One", "FAILED", TIME + 9)
    assert (found[two].status, found[two].end_time) == ("KILLED", TIME + 10)
    assert [child.metrics for child in history.children(one)] == [{"m": 2}]
    assert history.get(script.run_id).status == "RUNNING"


def test_replay_while_it_runs_leaves_files_to_the_end(
    history: RunHistory, run: tuple[str, str], script: Script, tmp_path: Path
) -> None:
    (tmp_path / "uploads" / run[0] / "d").mkdir(parents=True)
    (tmp_path / "uploads" / run[0] / "d" / "f.txt").write_text("x")
    lines = script.line("files", paths=["d/f.txt"]) + script.line("rows", name="t", columns=["a"], rows=[[1]])
    assert RecordReplay(history, *run).apply(lines) == []
    assert (list(history.files(run[0])), history.get(run[0]).metrics) == ([], {"t/a": 1})
    for _ in range(2):
        assert RecordReplay(history, *run, tmp_path / "uploads").apply(lines) == []
    assert sorted(info.path for info in history.files(run[0])) == ["d", "tables"]
    assert history.download(run[0], "d/f.txt", tmp_path / "home").read_text() == "x"


def test_second_attempt_adds_to_the_first(history: RunHistory, run: tuple[str, str]) -> None:
    for attempt in range(2):
        lines = Script(run[0], f"w{attempt}").log("a", 1, time=TIME + attempt)
        assert RecordReplay(history, *run).apply(lines) == []
    assert len(history.metric_history(run[0], "a")) == 2


def test_models_are_wishes(replay: RecordReplay, script: Script) -> None:
    line = script.line("model", name="iris", path="outputs/m.pkl", tags={"a": "b"})
    replay.apply(line)
    replay.apply(line)
    assert [(wish.key, wish.name, wish.path, wish.tags) for wish in replay.models] == [
        ("w-1", "iris", "outputs/m.pkl", {"a": "b"})
    ]


class FailingHistory:
    """A real history whose n-th write fails, as a locked database does."""

    def __init__(self, history: RunHistory, fails: Iterator[bool]) -> None:
        self._history = history
        self._fails = fails

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._history, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if next(self._fails):
                raise StoreError("The database is locked.")
            return method(*args, **kwargs)

        return call


@pytest.mark.parametrize("bad", range(5))
def test_write_that_failed_is_made_up_for(history: RunHistory, run: tuple[str, str], tmp_path: Path, bad: int) -> None:
    script = Script(run[0])
    first = script.log("a", 1, 1)
    child, born = script.child("c")
    lines = first + born + script.log("m", 1, 1, run=child)
    lines += script.line("status", run=child, status="Completed")
    lines += script.line("rows", run=child, name="t", columns=["x"], rows=[[1]])
    failing: Any = FailingHistory(history, (number == bad for number in itertools.count()))
    replay = RecordReplay(failing, *run, tmp_path / "uploads")
    with pytest.raises(StoreError):
        replay.apply(lines)
    assert replay.apply(lines + script.log("a", 2)) == []
    assert _points(history, run[0], "a") == [(0, 1), (1, 1), (2, 2)]
    assert _points(history, child, "m") == [(0, 1), (1, 1)]
    assert history.get(child).status == "FINISHED"
    assert [info.path for info in history.files(child, "tables")] == ["tables/t.json"]
