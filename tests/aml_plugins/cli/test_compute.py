"""``aml compute`` and ``aml plugins``: settings as options, targets that do not work, orphans."""

from __future__ import annotations

import errno
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def test_the_help_has_the_settings_of_the_type_that_is_named(aml: Aml) -> None:
    shown = " ".join(aml("compute", "attach", "ssh", "--help").split())  # its lines are as long as the terminal
    assert "--host [USER@]NAME[:PORT] of each machine, separated by commas. [required]" in shown
    assert "--slots How many runs each machine takes at a time. [default: 1]" in shown
    assert "--pool" in aml("compute", "create", "azure-batch", "-h")
    assert "--host" not in aml("compute", "attach", "--help").partition("Options:")[2]
    assert "no compute target type 'shh'. Did you mean 'ssh'?" in aml("compute", "attach", "shh", "--help", code=2)
    assert "aml compute attach ssh --help" in aml("compute", "attach", "ssh", code=2)


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


def test_a_new_plugin_that_finds_the_disk_full_leaves_nothing(
    aml: Aml, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Path] = []

    def write_text(path: Path, text: str, encoding: str) -> int:
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return path.write_bytes(text.encode(encoding))

    (tmp_path / "there").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", write_text)
        assert "No space left" in aml("plugins", "new", "my-scheduler", "--directory", str(tmp_path / "there"), code=1)
    assert list((tmp_path / "there").iterdir()) == []


def test_the_kit_needs_a_target(aml: Aml) -> None:
    assert "brings no compute target type" in aml("plugins", "check", "notifiers", "--kit", code=2)
    assert "host" in aml("plugins", "check", "ssh", "--kit", code=2)
    assert "Name a plugin" in aml("plugins", "check", "--kit", code=2)


@pytest.fixture
def pool(aml_home: Path, azure: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a pool that is to be created."""
    monkeypatch.setenv("BATCH_KEY", azure.settings.key)
    settings = {
        "account-url": azure.batch_url,
        "account-name": azure.settings.account,
        "account-key": "secret://env/BATCH_KEY",
        "pool": f"cli-{uuid.uuid4().hex[:8]}",
        "vm-size": "standard_d2s_v3",
    }
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


def test_a_target_is_planned_created_listed_and_deleted(aml: Aml, pool: list[str]) -> None:
    assert "$TargetDedicatedNodes" in aml("compute", "create", "azure-batch", "cpu", *pool, "--plan")
    assert [row["name"] for row in json.loads(aml("compute", "list", "-o", "json"))] == ["local"]
    assert "Created compute target 'cpu'" in aml("compute", "create", "azure-batch", "cpu", *pool)
    assert json.loads(aml("compute", "list", "-o", "json"))[0]["state"] == "Ready"
    assert json.loads(aml("compute", "show", "cpu", "-o", "json"))["state"] == "ready"
    assert "Deleted compute target 'cpu'" in aml("compute", "delete", "cpu")
    assert "has no compute target 'cpu'" in aml("compute", "delete", "cpu", code=2)


def test_a_creation_that_nobody_waits_for_is_shown_and_canceled(aml: Aml, pool: list[str]) -> None:
    made = json.loads(aml("compute", "create", "azure-batch", "cpu", *pool, "--no-wait", "-o", "json"))
    assert made["state"] == "Creating"
    assert json.loads(aml("compute", "show", "cpu", "-o", "json"))["state"] == "Creating"
    assert "is being created or deleted" in aml("compute", "detach", "cpu", code=2)
    aml("task", "cancel", made["task_id"])
    aml("monitor", "--until-idle")
    assert json.loads(aml("task", "show", made["task_id"], "-o", "json"))["state"] == "Canceled"
    assert "has no compute target 'cpu'" in aml("compute", "show", "cpu", code=2)


def test_a_failed_creation_ends_with_1_and_a_mistake_with_2(aml: Aml, pool: list[str]) -> None:
    limits = ["--min-nodes", "1000", "--max-nodes", "1000"]
    said = aml("compute", "create", "azure-batch", "cpu", *pool, *limits, code=1)
    assert "quota of dedicated cores is used up" in said
    assert "Nothing is left of it" in said
    assert "cannot be created here" in aml("compute", "create", "ssh", "vm", "--host", "a", code=2)
    aml("compute", "attach", "local", "box")
    assert "was attached, not created" in aml("compute", "delete", "box", code=2)
