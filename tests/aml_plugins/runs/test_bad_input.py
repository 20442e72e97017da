"""What people get wrong, and machines refuse: a sentence, the exit code, and nothing half-done."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from services.refusals import environment, nothing_happened, query, refused

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.mlflow_store.workspaces import list_workspaces
from aml_plugins.model import Model

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text("print('hello')\n")
    return directory


def aml(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aml_plugins.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**more), timeout=120, check=False)


Make = Callable[[Path, Path], list[str]]


def _missing(source: Path, tmp_path: Path) -> list[str]:
    return [str(tmp_path / "nowhere"), "--script", "train.py"]


def _file(source: Path, tmp_path: Path) -> list[str]:
    return [str(source / "train.py"), "--script", "train.py"]


def _outside(source: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "other.py").touch()
    return [str(source), "--script", "../other.py"]


def _linked_outside(source: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "other.py").touch()
    (source / "link.py").symlink_to(tmp_path / "other.py")
    return [str(source), "--script", "link.py"]


def _no_script(source: Path, tmp_path: Path) -> list[str]:
    return [str(source)]


def _no_such_script(source: Path, tmp_path: Path) -> list[str]:
    return [str(source), "--script", "trian.py"]


def _script_in_a_folder(source: Path, tmp_path: Path) -> list[str]:
    (source / "sub dir").mkdir()
    (source / "sub dir" / "trän.py").write_text("")
    return [str(source), "--script", "trän.py"]


def _empty(source: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "empty").mkdir()
    return [str(tmp_path / "empty"), "--script", "train.py"]


def _all_ignored(source: Path, tmp_path: Path) -> list[str]:
    (source / ".amlignore").write_text("*\n")
    return [str(source), "--script", "train.py"]


def _directory_ignored(source: Path, tmp_path: Path) -> list[str]:
    (source / "sub").mkdir()
    (source / "sub" / "a.py").touch()
    (source / ".gitignore").write_text("sub/\n")
    return [str(source), "--script", "sub/a.py"]


def _unknown_target(source: Path, tmp_path: Path) -> list[str]:
    return [str(source), "--script", "train.py", "--target", "lokal"]


def _wrong_key(source: Path, tmp_path: Path) -> list[str]:
    (source / ".aml").mkdir()
    (source / ".aml" / "bad.runconfig").write_text("script: train.py\nargumets: [1]\n")
    return [str(source), "-c", "bad"]


def _no_such_configuration(source: Path, tmp_path: Path) -> list[str]:
    (source / ".aml").mkdir()
    (source / ".aml" / "gpu.runconfig").write_text("script: train.py\n")
    return [str(source), "-c", "gqu"]


def _bad_parent(source: Path, tmp_path: Path) -> list[str]:
    return [str(source), "--script", "train.py", "--parent", "x"]


def _no_experiment(source: Path, tmp_path: Path) -> list[str]:
    return [str(source), "--script", "train.py", "--experiment", " "]


def _bad_variable(source: Path, tmp_path: Path) -> list[str]:
    return [str(source), "--script", "train.py", "--env", "NOVALUE"]


def _dead_interpreter(source: Path, tmp_path: Path) -> list[str]:
    (source / ".aml").mkdir()
    (source / ".aml" / "x.runconfig").write_text(
        "script: train.py\nenvironment: {kind: pip, requirements: nowhere.txt}\n"
    )
    return [str(source), "-c", "x"]


@pytest.mark.parametrize(
    ("make", "sentences"),
    [
        (_missing, ["nowhere' does not exist", "Name the directory"]),
        (_file, ["is not a directory"]),
        (_outside, ["lies outside of the source directory"]),
        (_linked_outside, ["lies outside of the source directory"]),
        (_no_script, ["No script is named", "there is: train.py"]),
        (_no_such_script, ["'trian.py' is not in the source directory", "there is: train.py"]),
        (_script_in_a_folder, ["Did you mean 'sub dir/trän.py'?"]),
        (_empty, ["no Python file"]),
        (_all_ignored, ["does not travel", ".amlignore"]),
        (_directory_ignored, ["does not travel", ".gitignore"]),
        (_unknown_target, ["no compute target 'lokal'", "Did you mean 'local'?"]),
        (_wrong_key, ["no key 'argumets'", "Did you mean 'arguments'?"]),
        (_no_such_configuration, ["no run configuration 'gqu'", "Did you mean 'gpu'?"]),
        (_bad_parent, ["'x' is not a run id"]),
        (_no_experiment, ["An experiment's name"]),
        (_bad_variable, ["'NOVALUE' is not NAME=VALUE"]),
        (_dead_interpreter, ["nowhere.txt"]),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_mistake_in_a_submission_is_a_sentence_and_nothing_happens(
    aml_home: Path, source: Path, tmp_path: Path, make: Make, sentences: list[str]
) -> None:
    refused(aml("run", "submit", *make(source, tmp_path)), 2, *sentences)

    nothing_happened(aml_home)


def test_a_mistake_in_python_is_an_error_of_ours_and_nothing_happens(aml_home: Path, source: Path) -> None:
    experiment = Experiment(Workspace.get("default"), "x")

    for settings, said in (
        ({"script": "../train.py"}, "outside"),
        ({"script": "train.py", "compute_target": "lokal"}, "Did you mean 'local'?"),
        ({"script": "train.py", "environment": {"kind": "pipp"}}, "pip"),
        ({"script": "train.py", "max_run_duration_seconds": -1}, "time_limit"),
    ):
        with pytest.raises(InvalidInputError, match=said.replace("?", r"\?")):
            experiment.submit(ScriptRunConfig(source, **{"compute_target": "local"} | settings))
    for called, options, said in (
        ("x", {"name": "n\udcff"}, r"n\\udcff' cannot be the run's name"),
        ("x", {"tags": {"a": "\udcff"}}, "cannot be a tag"),
        ("x", {"idempotency_key": "\0"}, "cannot be the idempotency key"),
        ("x\0y", {}, "cannot be the experiment's name"),
        (7, {}, "7 cannot be the experiment's name"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            Experiment(Workspace.get("default"), called).submit(ScriptRunConfig(source, "train.py"), **options)

    nothing_happened(aml_home)


def test_names_that_are_taken(aml_home: Path, source: Path) -> None:
    workspace = Workspace.create("team-a")
    workspace.attach_compute("local", "box")
    out_and_back = f"../{source.name}/train.py"
    run = Experiment(workspace, "x").submit(ScriptRunConfig(source, script=out_and_back, compute_target="box"))
    run.wait_for_completion()
    run.register_model("iris", "logs")

    with pytest.raises(AlreadyExistsError, match="'team-a'"):
        Workspace.create("team-a")
    with pytest.raises(AlreadyExistsError, match="'box'"):
        workspace.attach_compute("local", "box", max_parallel_runs=7)
    refused(aml("workspace", "create", "team-a"), 2, "team-a")
    refused(aml("compute", "attach", "local", "box", "-w", "team-a"), 2, "box")
    assert run.register_model("iris", "logs").version == "2"  # as in MLflow: the next version, not a clash
    assert list_workspaces(workspace.context.store.uri) == ["default", "team-a"]
    assert dict(workspace.compute_targets["box"].config) == {}


def test_a_workspace_that_is_not_there(aml_home: Path, source: Path) -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean 'default'\?"):
        Workspace.get("defualt")
    refused(aml("run", "submit", source, "--script", "train.py", "-w", "team-b"), 2, "no workspace 'team-b'")

    nothing_happened(aml_home)


def test_another_workspaces_runs_targets_and_models_are_not_ours(aml_home: Path, source: Path) -> None:
    theirs, ours = Workspace.create("theirs"), Workspace.create("ours")
    theirs.attach_compute("local", "box")
    config = ScriptRunConfig(source, script="train.py", compute_target="box")
    run = Experiment(theirs, "x").submit(config).wait_for_completion()
    run.register_model("iris", "logs")

    with pytest.raises(NotFoundError):
        ours.get_run(run.id)
    with pytest.raises(NotFoundError, match="no compute target 'box'"):
        Experiment(ours, "x").submit(config)
    with pytest.raises(NotFoundError):
        Model.list(ours, "iris")
    assert list(ours.models) == []
    assert list(Experiment(ours, "x").get_runs()) == []
    for verb in ("show", "logs", "cancel", "wait", "outputs", "snapshot"):
        refused(aml("run", verb, run.id, "-w", "ours"), 2)


def test_a_database_of_a_newer_schema_is_left_alone(aml_home: Path, source: Path) -> None:
    with closing(sqlite3.connect(aml_home / "aml.db")) as connection, connection:
        connection.execute("UPDATE aml_alembic_version SET version_num = '9999'")

    refused(aml("run", "submit", source, "--script", "train.py"), 3, "'9999'", "pip install --upgrade aml-plugins")

    nothing_happened(aml_home)
    assert query(aml_home, "SELECT version_num FROM aml_alembic_version") == [("9999",)]


def test_tables_of_a_newer_mlflow_are_left_alone(aml_home: Path, source: Path) -> None:
    with closing(sqlite3.connect(aml_home / "aml.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")

    done = aml("run", "submit", source, "--script", "train.py")

    refused(done, 3, "'ffffffffffff'", "does not know", "pip install --upgrade mlflow")
    assert query(aml_home, "SELECT version_num FROM alembic_version") == [("ffffffffffff",)]
    assert query(aml_home, "SELECT run_id FROM aml_runs UNION SELECT run_uuid FROM runs") == []


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Have another process hold the database's write lock."""
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    assert holder.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        holder.communicate(timeout=60)


def test_a_locked_database_is_a_sentence_after_the_time_that_was_allowed(aml_home: Path, source: Path) -> None:
    submission = ("run", "submit", source, "--script", "train.py")
    with locked(aml_home / "aml.db"):
        refused(aml(*submission, AML_SQLITE_TIMEOUT="1"), 3, "is locked by another process", "AML_SQLITE_TIMEOUT")
        assert aml("run", "list", AML_SQLITE_TIMEOUT="1").returncode == 0  # reading goes on

    nothing_happened(aml_home)
    assert aml(*submission, "--wait").returncode == 0


def test_a_locked_new_database_is_a_sentence(aml_home: Path) -> None:
    (aml_home / "aml.db").unlink()
    with locked(aml_home / "aml.db"):
        refused(aml("run", "list", AML_SQLITE_TIMEOUT="1"), 3, "is locked by another process")


def test_a_dead_interpreter_ends_the_run_with_its_path(aml_home: Path, source: Path, tmp_path: Path) -> None:
    workspace = Workspace.get("default")
    workspace.attach_compute("local", "box", python=str(tmp_path / "no-python"))
    dead = ScriptRunConfig(
        source,
        script="train.py",
        compute_target="local",
        environment={"kind": "existing", "interpreter": str(tmp_path / "dead")},
    )

    for config, named in (
        (dead, "dead"),
        (ScriptRunConfig(source, script="train.py", compute_target="box"), "no-python"),
    ):
        run = Experiment(workspace, "x").submit(config)
        run.wait_for_completion(raise_on_error=False)
        assert run.status == "Failed"
        assert run.record is not None
        assert named in str(run.record.reason)
        assert workspace.context.history("default").get(run.id).status == "FAILED"
        assert workspace.context.store.compute_targets.claim_slot("default", run.record.target, "f" * 32, 1)
        workspace.context.store.compute_targets.release_slot("f" * 32)
    assert list(aml_home.rglob("aml-*")) == []
