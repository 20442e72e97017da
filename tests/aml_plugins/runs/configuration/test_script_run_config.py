"""``ScriptRunConfig`` as people of Azure ML v1 write it."""

from __future__ import annotations

from pathlib import Path

from aml_plugins import ScriptRunConfig
from aml_plugins.store.records import ComputeTargetRecord


def test_a_line_of_arguments_is_split_as_a_shell_does(tmp_path: Path) -> None:
    config = ScriptRunConfig(tmp_path, script="train.py", arguments="--alpha 0.5 --name 'dear reader'")
    assert config.configuration.arguments == ("--alpha", "0.5", "--name", "dear reader")


def test_the_script_stands_second_and_the_target_may_be_one_of_the_workspaces(tmp_path: Path) -> None:
    target = ComputeTargetRecord(workspace="team-a", name="gpu-vm", type="ssh", config={}, created_at=0.0)
    configuration = ScriptRunConfig(tmp_path, "train.py", ["--alpha", 0.5], compute_target=target).configuration
    assert (configuration.script, configuration.arguments) == ("train.py", ("--alpha", "0.5"))
    assert configuration.target == "gpu-vm"
