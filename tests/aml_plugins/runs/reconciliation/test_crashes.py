"""Killed anywhere, a run ends in the right state, once, with its outputs, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crash_everywhere.py")
SCRIPT = """\
import pathlib, sys, time
with open(sys.argv[1], "a") as witness:
    witness.write("started\\n")
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs/result.txt").write_text("42")
print("hello", flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "script.py").write_text(SCRIPT)
    return directory


@pytest.fixture
def root(tmp_path: Path, migrated_database: Path) -> Path:
    """Where each trial gets a home of its own, with a copy of ``aml.db``."""
    directory = tmp_path / "homes"
    directory.mkdir()
    shutil.copyfile(migrated_database, directory / "aml.db")
    return directory


def crash_everywhere(root: Path, source: Path, *options: str) -> list[dict]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "MLFLOW_"))}
    clean.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(root), str(source), *options],
        env=clean,
        capture_output=True,
        text=True,
        timeout=500,
        check=True,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    names = {row["boundary"]: row["name"] for row in rows if "name" in row}
    return [row | {"name": names.get(row["boundary"], "the end")} for row in rows if "state" in row]


@pytest.mark.parametrize("first", [1, 2])
def test_a_submitter_killed_at_any_boundary_loses_nothing_and_starts_nothing_twice(
    root: Path, source: Path, first: int
) -> None:
    trials = crash_everywhere(root, source, "--first", str(first), "--every", "2")

    assert len(trials) > 15
    assert not trials[-1]["killed"]
    for trial in trials:
        if trial["state"] is None:  # killed before anything was written down: nothing has happened
            assert trial["lines"] == 0, trial
            continue
        assert trial["state"] == "Completed", trial
        assert trial["mlflow"] == "FINISHED", trial
        assert trial["lines"] == 1, trial
        assert {"outputs/result.txt", "logs/std_log.txt", "snapshot/snapshot.zip"} <= set(trial["files"]), trial
        assert trial["slots"], trial
        assert trial["left"] == [], trial


def test_a_cancelling_submitter_killed_at_any_boundary_leaves_nothing_running(root: Path, source: Path) -> None:
    trials = crash_everywhere(root, source, "--cancel", "--first", "3", "--every", "3")

    assert not trials[-1]["killed"]
    assert trials[-1]["state"] == "Canceled"
    for trial in trials:
        assert trial["lines"] <= 1, trial
        assert trial["state"] in {None, "Canceled", "Completed"}, trial
        assert trial["slots"], trial
        assert trial["left"] == [], trial
