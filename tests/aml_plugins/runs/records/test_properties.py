"""Whatever a script logs: replayed in pieces, twice, from the beginning, the result is that of one replay."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aml_plugins.mlflow_store.history import open_history
from aml_plugins.runs.history import RunHistory
from aml_plugins.runs.records import RecordReplay
from aml_plugins.runs.runner.script_api.aml_script_run import Run

Calls = list[tuple[int, tuple[Any, ...]]]
Cuts = list[tuple[float, float, bool]]

NAMES = st.sampled_from(["a", "b/c", "ü (%)"])
NUMBERS = st.sampled_from([0, 1, 1.0, -0.0, 0.5, True, float("nan"), float("inf"), 2**70])
VALUES = NUMBERS | st.sampled_from(["text", None])
STEPS = st.none() | st.integers(0, 2)
CALLS = st.one_of(
    st.tuples(st.just("log"), NAMES, VALUES, STEPS),
    st.tuples(st.just("log_list"), NAMES, st.lists(VALUES, max_size=4)),
    st.tuples(st.just("log_row"), NAMES, st.dictionaries(st.sampled_from(["x", "y"]), VALUES, min_size=1)),
    st.tuples(st.just("tag"), NAMES, st.sampled_from(["1", "2", None])),
    st.tuples(st.just("remove_tags"), st.lists(NAMES, max_size=2)),
    st.tuples(st.just("child_run"), NAMES),
    st.tuples(st.sampled_from(["complete", "fail", "cancel"])),
    st.tuples(st.just("upload_file"), NAMES),
)
CUTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), max_size=5)


def _script(calls: Calls, run: Run) -> int:
    """Make the calls, each on one of the runs there are; return how many numbers were logged."""
    runs, points = [run], 0
    for which, (method, *arguments) in calls:
        target = runs[which % len(runs)]
        numbers: list[Any] = []
        if method == "log":
            name, value, step = arguments
            target.log(name, value, step=step)
            numbers = [value]
        elif method == "log_row":
            target.log_row(arguments[0], **arguments[1])
            numbers = list(arguments[1].values())
        elif method == "child_run":
            runs.append(target.child_run(*arguments))
        elif method == "upload_file":
            target.upload_file(f"files/{arguments[0]}", __file__)
        else:
            getattr(target, method)(*arguments)
            numbers = arguments[1] if method == "log_list" else []
        points += sum(isinstance(number, (int, float)) for number in numbers)
    return points


def _state(history: RunHistory, run_id: str, folder: Path) -> dict[str, Any]:
    view = history.get(run_id)
    points = {
        key: sorted((point.step, point.timestamp, repr(point.value)) for point in history.metric_history(run_id, key))
        for key in view.metrics
    }
    shutil.rmtree(folder, ignore_errors=True)
    home = history.download(run_id, "", folder)
    files = {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    children = sorted((_state(history, child.run_id, folder) for child in history.children(run_id)), key=repr)
    times = (view.start_time, view.end_time)
    return {
        "id": run_id,
        "view": (view.name, view.status, times, dict(view.tags)),
        "points": points,
        "files": files,
        "children": children,
    }


def _count(state: dict[str, Any]) -> int:
    return sum(map(len, state["points"].values())) + sum(map(_count, state["children"]))


def _replay_in_pieces(make: Callable[[], RecordReplay], lines: list[bytes], cuts: Cuts) -> None:
    replay, done = make(), 0
    for start, end, fresh in cuts:
        if fresh:  # another driver takes over
            replay, done = make(), 0
        first, last = sorted((int(start * done), done + int(end * (len(lines) - done))))
        assert replay.apply(b"".join(lines[first:last])) == []
        done = last
    assert replay.apply(b"".join(lines[done:])) == []


@pytest.fixture(scope="module")
def two_histories(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[RunHistory, RunHistory]:
    folders = [tmp_path_factory.mktemp("store") for _ in range(2)]
    stores = [shutil.copy(template, folder / "aml.db") for folder in folders]
    once, pieces = (open_history(f"aml+sqlite:///{path}", "team-a") for path in stores)
    return once, pieces


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(st.integers(0, 5), CALLS), max_size=25), cuts=CUTS)
def test_pieces_and_repeats_change_nothing(
    two_histories: tuple[RunHistory, RunHistory],
    calls: list[tuple[int, tuple[Any, ...]]],
    cuts: list[tuple[float, float, bool]],
) -> None:
    run_id = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        job = Path(name)
        patch.setenv("AML_RUN_ID", run_id)
        patch.setenv("AML_RECORDS", str(job / "records.jsonl"))
        patch.setenv("AML_JOB_DIRECTORY", os.fspath(job))
        points = _script(calls, Run.get_context(allow_offline=False))
        records = job / "records.jsonl"
        lines = records.read_bytes().splitlines(keepends=True) if records.exists() else []
        states = []
        for history, ways in zip(two_histories, ([], cuts), strict=True):
            experiment = history.ensure_experiment("e")
            history.create_run(run_id, experiment, name="r", tags={}, start_time=1)
            for uploads in (None, job / "uploads") if ways else ():
                _replay_in_pieces(lambda h=history, e=experiment, u=uploads: RecordReplay(h, run_id, e, u), lines, ways)
            assert RecordReplay(history, run_id, experiment, job / "uploads").apply(b"".join(lines)) == []
            states.append(_state(history, run_id, job / "home"))
    assert states[0] == states[1]
    assert _count(states[0]) == points
