"""Who waits for a run in Python and is interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins import Experiment, ScriptRunConfig, Workspace


def test_an_interrupted_wait_leaves_the_run_and_says_how_to_go_on(aml_home: Path, tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt  # as Python does on Ctrl-C, and a notebook's kernel when it is interrupted

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print('hello')")
    workspace = Workspace.create("team-a")
    config = ScriptRunConfig(tmp_path / "src", script="train.py", compute_target="local")
    run = Experiment(workspace, "iris").submit(config)
    ways = rf"run\.wait_for_completion\(\), .*run\.cancel\(\) or aml run cancel {run.id}$"
    with pytest.raises(KeyboardInterrupt, match=rf"^the run {run.id} goes on\. .*: {ways}"):
        run.wait_for_completion(on_change=interrupt)

    assert workspace.context.store.runs.get("team-a", run.id).lease_owner is None  # a monitor can have it at once
    assert run.wait_for_completion().status == "Completed"
