"""What a script logs to the run that its submitter named as its parent."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.runs.history import RunHistory
from aml_plugins.runs.reconciliation.records import RecordFeed
from aml_plugins.runs.records import RecordReplay, child_run_id
from aml_plugins.store.records import RunRecord

NewRun = Callable[[], tuple[str, str]]
TIME = 1_700_000_000_000


def lines(*records: dict[str, Any], writer: str = "w") -> bytes:
    head = {"v": 1, "w": writer, "t": TIME}
    return b"".join(json.dumps({**head, "n": n, **one}).encode() + b"\n" for n, one in enumerate(records, 1))


def log(run: str, name: str, *values: Any, **fields: Any) -> dict[str, Any]:
    return {"op": "log", "run": run, "name": name, "values": list(values), **fields}


@pytest.fixture
def family(new_run: NewRun) -> tuple[str, str, str]:
    """The run above, the script's own, and their experiment."""
    (above, experiment), (own, _) = new_run(), new_run()
    return above, own, experiment


def test_metrics_and_tags_arrive_once_however_often_they_are_read(
    history: RunHistory, family: tuple[str, str, str], tmp_path: Path
) -> None:
    above, own, experiment = family
    said = lines(
        log(own, "loss", 0.1),
        log(above, "loss", 0.2, 0.2),
        log(above, "best", "fold 3", step=7),
        {"op": "rows", "run": above, "name": "folds", "columns": ["loss", "who"], "rows": [[0.5, "a"], [0.6, "b"]]},
        {"op": "tags", "run": above, "set": {"seen": "yes", "gone": "soon"}},
        {"op": "untag", "run": above, "names": ["gone"]},
    )
    for uploads in (None, tmp_path, tmp_path):  # while the script runs, at its end, and by a driver that takes over
        assert RecordReplay(history, own, experiment, uploads, parent_run_id=above).apply(said) == []
    seen = history.get(above)
    assert [(p.step, p.value) for p in history.metric_history(above, "loss")] == [(0, 0.2), (1, 0.2)]
    assert [p.value for p in history.metric_history(above, "folds/loss")] == [0.5, 0.6]
    assert {name: seen.tags.get(name) for name in ("seen", "gone", "aml.text.best", "aml.text.folds/who")} == {
        "seen": "yes",
        "gone": "",  # a run history that can take no tags off empties them
        "aml.text.best": "fold 3",
        "aml.text.folds/who": "b",
    }
    assert list(history.files(above)) == []
    assert history.get(own).metrics == {"loss": 0.1}


def test_scripts_of_one_parent_stand_beside_one_another(history: RunHistory, new_run: NewRun) -> None:
    above, experiment = new_run()
    for value in (1, 2):
        own, _ = new_run()
        assert RecordReplay(history, own, experiment, parent_run_id=above).apply(lines(log(above, "loss", value))) == []
    assert sorted(p.value for p in history.metric_history(above, "loss")) == [1, 2]


@pytest.mark.parametrize(
    "record",
    [
        {"op": "files", "paths": ["a"]},
        {"op": "chart", "name": "c", "kind": "image", "path": "a"},
        {"op": "properties", "set": {"a": "b"}},
        {"op": "display", "name": "mine"},
        {"op": "status", "status": "Failed"},
        {"op": "error", "error": {"message": "no"}},
        {"op": "model", "name": "m", "path": "a"},
        {"op": "tags", "set": {"aml.state": "Failed"}},
    ],
    ids=lambda record: record["op"],
)
def test_nothing_else_is_written_to_it(
    history: RunHistory, family: tuple[str, str, str], record: dict[str, Any]
) -> None:
    above, own, experiment = family
    before = history.get(above)
    replay = RecordReplay(history, own, experiment, parent_run_id=above)
    problems = replay.apply(lines({**record, "run": above}, log(own, "a", 1)))
    assert (len(problems), history.get(own).metrics) == (1, {"a": 1.0})
    assert (history.get(above), replay.models) == (before, ())


def test_a_child_of_the_parent_is_nobodys(history: RunHistory, family: tuple[str, str, str]) -> None:
    above, own, experiment = family
    child = child_run_id(above, "k")
    born = lines({"op": "child", "run": above, "child": child, "key": "k"}, log(child, "a", 1))
    assert len(RecordReplay(history, own, experiment, parent_run_id=above).apply(born)) == 2
    assert history.children(above) == []


@pytest.mark.parametrize("state", ["deleted", "never there"])
def test_a_parent_that_is_gone_does_not_keep_the_run_from_its_end(
    history: RunHistory, family: tuple[str, str, str], tmp_path: Path, state: str
) -> None:
    above, own, experiment = family
    if state == "deleted":
        history.open_mlflow()[0].delete_run(above)  # type: ignore[attr-defined]  # MLflow's own store
    else:
        above = uuid.uuid4().hex
    replay = RecordReplay(history, own, experiment, tmp_path, parent_run_id=above)
    problems = replay.apply(lines(log(above, "a", 1), log(own, "a", 2)))
    assert len(problems) == 1
    assert above in problems[0]
    assert history.get(own).metrics == {"a": 2.0}
    assert replay.apply(lines(log(own, "b", 3), writer="another")) == []


def test_the_run_that_was_submitted_names_its_parent(
    history: RunHistory, family: tuple[str, str, str], tmp_path: Path
) -> None:
    above, own, experiment = family
    known = {"target": "local", "target_type": "local", "state": "Running", "script": "train.py", "config": {}}
    place = {"workspace": "team-a", "experiment_id": experiment, "experiment_name": "iris"}
    record = RunRecord(run_id=own, parent_run_id=above, **place, **known)
    (tmp_path / "records.jsonl").write_bytes(lines(log(above, "loss", 3)))
    RecordFeed(history, record, tmp_path / "uploads").finish(tmp_path / "records.jsonl", "FINISHED")
    assert history.get(above).metrics == {"loss": 3.0}
