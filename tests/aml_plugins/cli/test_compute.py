"""``aml compute`` and ``aml plugins``: settings as options, targets that do not work, orphans."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aml_plugins import Workspace
from aml_plugins.cli.app import run
from aml_plugins.runs.orphans import find_orphans
from aml_plugins.testing.jobs import clean_up, make_job

Aml = Callable[..., str]
LOST = "aml-" + "a" * 32 + "-1"


@pytest.fixture
def aml(aml_home: Path, capsys: pytest.CaptureFixture[str]) -> Aml:
    def aml(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(words) == code, capsys.readouterr()
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.out + printed.err

    return aml


def test_settings_are_options_of_their_own(aml: Aml) -> None:
    aml("compute", "attach", "local", "box", "--max-parallel-runs", "2", "--python=/usr/bin/python3")
    shown = json.loads(aml("compute", "show", "box", "-o", "json"))
    assert (shown["max_parallel_runs"], shown["python"]) == (2, "/usr/bin/python3")
    assert (shown["running"], shown["waiting"]) == (0, 0)


def test_a_repeated_setting_has_all_its_values(aml: Aml) -> None:
    aml("compute", "attach", "ssh", "vms", "--host", "a", "--host", "me@b:2222", "--user", "x")
    assert json.loads(aml("compute", "show", "vms", "-o", "json"))["host"] == ["a", "me@b:2222"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--host"], "lacks its value"),
        (["--host", "--user"], "lacks its value"),
        (["vm"], "is no setting"),
        (["--", "x"], "is no setting"),
        (["--host", "a", "--hots", "b"], "Did you mean 'host'"),
        (["--host", "a", "--password", "hunter2"], "never the value itself"),
        ([], "host"),
    ],
)
def test_mistakes_are_sentences(words: list[str], complaint: str, aml: Aml) -> None:
    said = aml("compute", "attach", "ssh", "vm", *words, code=2)
    assert complaint in said
    assert "hunter2" not in said


def test_a_target_that_does_not_work_is_said_with_its_exit_code(aml: Aml) -> None:
    aml("compute", "attach", "local", "broken", "--python", "/no/such/python")
    said = aml("compute", "check", code=3)
    assert "PROBLEM  broken: The Python '/no/such/python'" in said
    assert "ok       local:" in said
    shown = json.loads(aml("compute", "show", "broken", "-o", "json"))
    assert shown["state"] == "not ready"
    assert "ok " in aml("compute", "check", "local")
    assert "no compute target 'loc'" in aml("compute", "check", "loc", code=2)


def test_orphans_are_found_and_deleted_only_when_asked(aml: Aml, tmp_path: Path) -> None:
    assert "No orphans." in aml("compute", "gc")
    workspace = Workspace.get()
    backend = workspace.context.backends.get("default", "local")
    handle = backend.submit(make_job(tmp_path, LOST, "import time; time.sleep(3600)"), LOST)
    try:
        [row] = json.loads(aml("compute", "gc", "local", "-o", "json"))
        assert row == {"target": "local", "job": LOST, "reason": "no run of this store knows it", "state": "found"}
        assert backend.find(LOST) is not None
        assert "aml compute gc --delete" in aml("compute", "gc")
        [row] = json.loads(aml("compute", "gc", "--delete", "-o", "json"))
        assert row["state"] == "deleted"
        assert backend.find(LOST) is None
    finally:
        clean_up(backend, handle)


def test_a_job_whose_run_ended_is_an_orphan(aml: Aml, tmp_path: Path) -> None:
    from aml_plugins import Experiment, ScriptRunConfig

    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text("print('hello')")
    workspace = Workspace.get()
    ended = Experiment(workspace, "x").submit(ScriptRunConfig(source, script="train.py", compute_target="local"))
    ended.wait_for_completion()
    backend = workspace.context.backends.get("default", "local")
    key = f"aml-{ended.id}-1"
    handle = backend.submit(make_job(tmp_path, key, "print('again')"), key)
    try:
        [orphan] = find_orphans(workspace.context, "default", "local") or []
        assert orphan.reason == "its run ended as Completed"
    finally:
        clean_up(backend, handle)


def test_a_target_that_cannot_be_asked_does_not_hide_the_others(aml: Aml) -> None:
    aml("compute", "attach", "ssh", "away", "--host", "127.0.0.1:1", "--connect-timeout", "5")
    rows = json.loads(aml("compute", "gc", "-o", "json", code=3).partition("]")[0] + "]")
    assert [(row["target"], row["state"]) for row in rows] == [("away", "not asked")]


def test_a_new_plugin_is_written_and_never_over_another(aml: Aml) -> None:
    assert "Next: cd my-scheduler" in aml("plugins", "new", "my-scheduler")
    assert "class MyScheduler(" in Path("my-scheduler/src/my_scheduler/backend.py").read_text()
    assert "not empty" in aml("plugins", "new", "my-scheduler", code=2)
    assert "cannot be the name" in aml("plugins", "new", "My_Scheduler", code=2)


def test_the_kit_needs_a_target(aml: Aml) -> None:
    assert "brings no compute target type" in aml("plugins", "check", "notifiers", "--kit", code=2)
    assert "host" in aml("plugins", "check", "ssh", "--kit", code=2)
    assert "Name a plugin" in aml("plugins", "check", "--kit", code=2)
