"""Processes that write to one run at the same time: nobody fails, no point and no newer value is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fast_store_pair import Pair, new_run
from writer import KEYS

HERE = Path(__file__).parent
WRITERS = 3


def _write_at_once(uri: str, artifacts: Path, run_id: str, what: str) -> None:
    command = [sys.executable, HERE / "writer.py", uri, str(artifacts), run_id, what]
    processes = [
        subprocess.Popen([*command, str(seed)], stderr=subprocess.PIPE, text=True) for seed in range(1, WRITERS + 1)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * WRITERS, errors
    assert not any("locked" in error or "deadlock" in error for error in errors)


@pytest.mark.parametrize("what", ["same", "interleaved"])
def test_writers_of_one_run_lose_nothing(pair: Pair, database_uri: str, tmp_path: Path, what: str) -> None:
    run_id = new_run(pair.fast, pair.experiment())
    _write_at_once(database_uri, tmp_path, run_id, what)
    latest = {metric.key: metric for metric in pair.plain.get_run(run_id).data._metric_objs}
    assert set(latest) == {*KEYS, *(f"single-{number}" for number in range(15))}
    for key, kept in latest.items():
        history = pair.plain.get_metric_history(run_id, key)
        newest = max(history, key=lambda metric: (metric.step, metric.timestamp, metric.value))
        assert (kept.step, kept.timestamp, kept.value) == (newest.step, newest.timestamp, newest.value)
        if what == "same" and key in KEYS:
            assert len(history) == 15 * 5
        if key.startswith("single"):
            assert len(history) == WRITERS
