"""Results that lie on this machine become artifacts where they are, and are the same as if they had been fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from aml_plugins import Experiment, Run, ScriptRunConfig, Workspace
from aml_plugins.mlflow_store.history import SqlRunHistory
from aml_plugins.store.records import RunChange, RunRecord

SCRIPT = """\
import os, sys
if "odd" in sys.argv:
    os.makedirs("data/deep")
    open("data/deep/table.csv", "w").write("1,2")
    os.symlink("../data", "outputs/data")
    os.symlink("data/deep/table.csv", "table.csv")
    os.symlink("../table.csv", "outputs/linked.csv")
    os.symlink("/etc/hostname", "outputs/foreign")
    os.symlink("..", "outputs/circle")
    os.mkfifo("outputs/pipe")
    os.makedirs("outputs/empty/deeper")
    open("outputs/gr\\u00f6\\u00dfe \\u65e5\\n", "w").write("name")
    os.makedirs("logs/std_log.txt/mine")
    open("logs/std_log.txt/mine/x", "w").write("not the log")
    open("logs/other.txt", "w").write("another log")
if "records" in sys.argv:
    from azureml.core import Run
    run = Run.get_context()
    run.log("loss", 0.5)
    open("plot.png", "w").write("png")
    run.upload_file("plots/plot.png", "plot.png")
for number in range(30 if "many" in sys.argv else 0):
    open(f"outputs/{number}", "w").close()
if "large" in sys.argv:
    open("outputs/large", "wb").truncate(2 << 20)
print("the log", flush=True)
sys.exit("fails" in sys.argv)
"""


@pytest.fixture
def workspace(aml_home: Path) -> Iterator[Workspace]:
    opened = Workspace.get("default")
    yield opened
    opened.close()


@pytest.fixture
def fetched(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs whose results were fetched into a directory first."""
    backend, seen = workspace.context.backends.get("default", "local"), []
    original = backend.fetch
    monkeypatch.setattr(backend, "fetch", lambda handle, to: (seen.append(handle.job_id), original(handle, to)))
    return seen


@pytest.fixture
def run_of(workspace: Workspace, tmp_path: Path) -> Callable[..., Run]:
    source = tmp_path / "src"
    source.mkdir()
    (source / "script.py").write_text(SCRIPT)

    def run_of(*words: str, **settings: object) -> Run:
        config = ScriptRunConfig(source, script="script.py", arguments=list(words))
        config.configuration = config.configuration.merged(**settings)
        run = Experiment(workspace, "in-place").submit(config)
        run.wait_for_completion(raise_on_error=False)
        return run

    return run_of


def artifacts(run: Run, folder: Path) -> dict[str, bytes]:
    for name in run.get_file_names():
        if not name.startswith("snapshot/"):
            run.download_file(name, folder / name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_they_are_the_same_as_if_they_had_been_fetched(
    run_of: Callable[..., Run], fetched: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = artifacts(run_of("odd"), tmp_path / "in-place")
    assert fetched == []
    monkeypatch.setattr(SqlRunHistory, "take", lambda *_: False)  # as where the artifacts lie elsewhere
    assert artifacts(run_of("odd"), tmp_path / "fetched") == there
    assert len(fetched) == 1
    assert there["logs/std_log.txt"] == b"the log\n"
    assert {"outputs/data/deep/table.csv", "outputs/linked.csv", "outputs/größe 日\n", "logs/other.txt"} < there.keys()
    assert not {"outputs/foreign", "outputs/pipe", "logs/std_log.txt/mine/x"} & there.keys()


def test_what_has_to_be_read_or_changed_on_its_way_is_fetched(
    run_of: Callable[..., Run], fetched: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run = run_of("records")
    assert len(fetched) == 1
    assert run.get_metrics() == {"loss": 0.5}
    assert "plots/plot.png" in run.get_file_names()
    monkeypatch.setenv("TOKEN", "the log")
    run = run_of("plain", environment_variables={"TOKEN": "secret://env/TOKEN"})
    assert len(fetched) == 2
    assert artifacts(run, tmp_path / "masked")["logs/std_log.txt"] == b"*******\n"


def test_a_failure_is_told_with_the_log_s_last_lines_and_its_attempts_lie_apart(
    run_of: Callable[..., Run], fetched: list[str]
) -> None:
    run = run_of("fails", retries=1)
    assert fetched == []
    assert "The last lines of its log:\nthe log" in run.get_details()["reason"]
    assert {"logs/std_log.txt", "logs/attempt-1/std_log.txt"} <= set(run.get_file_names())


@pytest.fixture
def written(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The states that each transaction wrote since a job ended."""
    runs, seen = workspace.context.store.runs, list[list[str]]()
    original = runs.save_all

    def noting(changes: Sequence[RunChange], *, owner: str) -> Mapping[str, RunRecord]:
        states = [change.run.state for change in changes]
        if seen or "Finalizing" in states:
            seen.append(states)
        return original(changes, owner=owner)

    monkeypatch.setattr(runs, "save_all", noting)
    return seen


def test_the_end_of_a_job_is_written_with_its_few_results(run_of: Callable[..., Run], written: list[list[str]]) -> None:
    run_of("plain")
    assert written == [["Finalizing", "Finalizing"], ["Completed"]]


@pytest.mark.parametrize(
    ("word", "settings"),
    [
        ("many", {}),
        ("large", {}),
        ("records", {}),
        ("plain", {"environment_variables": {"TOKEN": "secret://env/TOKEN"}}),
    ],
)
def test_the_end_of_a_job_is_written_before_results_that_take_longer(
    run_of: Callable[..., Run],
    written: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    settings: dict[str, object],
) -> None:
    monkeypatch.setenv("TOKEN", "the log")
    run_of(word, **settings)
    assert written == [["Finalizing"], ["Finalizing"], ["Completed"]]
