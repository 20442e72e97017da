"""Who signals a job, and the runner that goes on to the next one, never miss each other."""

from __future__ import annotations

import os
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.compute.job_files import delete_directory
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.runs.runner import claiming
from aml_plugins.runs.runner.processes import birth_of

STEPS = 3  # the runner's: it erases its signature, looks for ``cancel``, and whether the directory is still there
NEVER = STEPS + 1


@pytest.mark.parametrize("deleted", [False, True])
@pytest.mark.parametrize("times", list(combinations_with_replacement(range(NEVER), 3)))
def test_whoever_read_the_signature_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: tuple[int, int, int], *, deleted: bool
) -> None:
    """Somebody leaves ``cancel``, reads the signature and waits; somebody else deletes the job, each before a step."""
    job = tmp_path / "job"
    job.mkdir()
    lock = claiming.take_lock(str(job))
    assert lock is not None
    claiming.sign(lock)
    truncate, exists = os.ftruncate, os.path.exists
    read: list[Any] = []
    acts = [RunnerDirectory(job).ask_to_end, lambda: read.append(claiming.lock_holder(str(job)))]
    due = list(zip(times, [*acts, lambda: delete_directory(job)] if deleted else acts, strict=False))
    steps = iter(range(NEVER))

    def others(result: Any = None) -> Any:
        step = next(steps)
        while due and due[0][0] <= step:
            due.pop(0)[1]()
        return result

    monkeypatch.setattr(os, "ftruncate", lambda *arguments: others() or truncate(*arguments))
    monkeypatch.setattr(os.path, "exists", lambda path: others() or exists(path))
    may_stay = claiming.sign_off(str(job), lock)
    monkeypatch.undo()
    while due:
        due.pop(0)[1]()
    claiming.release(lock)

    assert read in ([None], [(os.getpid(), birth_of(os.getpid()))])
    assert not may_stay or read == [None]


def test_a_runner_stays_where_nobody_signals(tmp_path: Path) -> None:
    lock = claiming.take_lock(str(tmp_path))
    assert lock is not None
    claiming.sign(lock)
    claiming.sign(lock, (1, 2))

    assert claiming.sign_off(str(tmp_path), lock)
    assert (claiming.lock_holder(str(tmp_path)), claiming.script_of(str(tmp_path))) == (None, None)
    claiming.release(lock)
