"""What machines refuse, full disks and forbidden files: a sentence, the exit code, and nothing half-done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from services.refusals import environment, nothing_happened, refused

NOBODY = 65534
AS_NOBODY = """
import difflib, importlib, os, pkgutil, sqlite3, sys
import click._textwrap, sqlalchemy.dialects.sqlite
import aml_plugins.mlflow_tables
for found in pkgutil.iter_modules(aml_plugins.mlflow_tables.__path__, "aml_plugins.mlflow_tables."):
    importlib.import_module(found.name)
import aml_backends.local.backend, aml_plugins.mlflow_store.history, aml_plugins.store.sql.store
import aml_plugins.cli.run_submit, aml_plugins.runs.run, aml_plugins.runs.submission, aml_plugins.script_run_config
from aml_plugins.cli.app import run
from aml_plugins.plugins import default_plugins
default_plugins().load("aml_compute_target_types", "local")
if os.geteuid() == 0:
    os.setuid(65534)  # for root nothing is forbidden, and nobody may not enter root's Python: so import first
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "src"
    directory.mkdir()
    (directory / "train.py").write_text("print('hello')\n")
    return directory


@pytest.fixture
def public(migrated_database: Path, monkeypatch: pytest.MonkeyPatch, aml_home: Path) -> Iterator[Path]:
    """A directory of the user nobody with a source directory and a home in it."""
    directory = Path(tempfile.mkdtemp(prefix="aml-test-"))
    (directory / "src").mkdir()
    (directory / "src" / "train.py").write_text("print('hello')\n")
    (directory / "home").mkdir()
    shutil.copyfile(migrated_database, directory / "home" / "aml.db")
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
    monkeypatch.setenv("AML_HOME", str(directory / "home"))
    monkeypatch.chdir(directory)
    yield directory
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(directory)


def as_nobody(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", AS_NOBODY, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=120, check=False)


@pytest.mark.parametrize(
    ("forbidden", "mode", "code", "sentence"),
    [
        ("src/data.csv", 0o000, 2, "data.csv"),
        ("src/sub", 0o000, 2, "sub"),
        ("src", 0o000, 2, "src"),
        ("above", 0o000, 2, "above/src"),
        ("src/.aml/x.runconfig", 0o000, 2, "x.runconfig"),
        ("home/aml.db", 0o444, 3, "aml.db"),
        ("home/aml.db", 0o000, 3, "aml.db"),
        ("home", 0o555, 3, "home"),
    ],
)
def test_what_may_not_be_read_or_written_is_named(
    public: Path, forbidden: str, mode: int, code: int, sentence: str
) -> None:
    (public / "src" / "data.csv").write_text("1,2\n")
    (public / "src" / "sub").mkdir()
    (public / "src" / "sub" / "a.py").touch()
    (public / "src" / ".aml").mkdir()
    (public / "src" / ".aml" / "x.runconfig").write_text("script: train.py\n")
    shutil.copytree(public / "src", public / "above" / "src")
    chosen = public / forbidden
    if os.geteuid() == 0:
        os.chown(chosen, NOBODY, NOBODY)
    chosen.chmod(mode)
    directory = "above/src" if forbidden == "above" else "src"

    done = as_nobody("run", "submit", directory, "-c", "x", "--experiment", "x")
    chosen.chmod(0o755)

    refused(done, code, sentence)
    nothing_happened(public / "home")


FULL_DISK = """
mount -t tmpfs -o size=4m tmpfs "$1" || { echo unmountable; exit 99; }
shift
exec "$@"
"""
STAGING_ON_A_FULL_DISK = """
import json, os, sqlite3
from contextlib import suppress
from pathlib import Path
from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.errors import NotFoundError
if os.environ["FILL"]:
    with suppress(OSError), open(os.environ["FILL"], "wb") as file:
        file.write(bytes(5_000_000))
workspace = Workspace.get("default")
config = ScriptRunConfig(os.environ["SOURCE"], script="train.py", compute_target="local")
run = Experiment(workspace, "x").submit(config)
run.wait_for_completion(raise_on_error=False)
try:
    status = workspace.context.history("default").get(run.id).status
except NotFoundError:
    status = None
print(json.dumps([run.status, run.record.reason, status,
                  workspace.context.store.compute_targets.claim_slot("default", "local", "f" * 32, 1),
                  [str(path) for path in (workspace.context.home / "targets").rglob("aml-*")]]))
"""


def on_small_disk(mounted: Path, command: Sequence[object], **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a disk of 4 MB at ``mounted``."""
    mounted.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", FULL_DISK, "sh", mounted, *map(str, command)],
        capture_output=True, text=True, env=environment(**more), timeout=120, check=False,
    )  # fmt: skip
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"A small file system cannot be mounted here: {done.stderr.strip()}")
    return done


def test_a_full_disk_at_submission_is_a_sentence_and_nothing_happens(aml_home: Path, source: Path) -> None:
    (source / "noise.bin").write_bytes(os.urandom(6_000_000))
    command = [sys.executable, "-m", "aml_plugins.cli", "run", "submit", source, "--script", "train.py"]

    done = on_small_disk(aml_home / "snapshots", command)

    refused(done, 1, "is full", "Free space")
    nothing_happened(aml_home)


@pytest.mark.parametrize("full", ["targets", "staging", "artifacts", "datastore"])
def test_a_disk_that_fills_up_while_staging_ends_the_run_with_the_reason(
    aml_home: Path, source: Path, full: str
) -> None:
    (source / "noise.bin").write_bytes(os.urandom(6_000_000))
    fill = str(aml_home / full / "fill") if full == "staging" else ""  # only the job's small file lies there
    command = [sys.executable, "-c", STAGING_ON_A_FULL_DISK]
    done = on_small_disk(aml_home / full, command, SOURCE=str(source), FILL=fill)
    assert done.returncode == 0, done.stderr
    state, reason, status, has_slot, jobs = json.loads(done.stdout)

    assert state == "Failed"
    assert status == "FAILED"
    assert "No space left" in reason or "full" in reason
    assert has_slot
    assert jobs == []


def test_a_disk_too_full_for_mlflows_tables_is_a_sentence(aml_home: Path) -> None:
    disk = aml_home.parent / "new"
    filling = '{ head -c 3500000 /dev/zero > "$1/fill" || true; } 2> /dev/null; shift; exec "$@"'
    command = [
        "sh",
        "-c",
        filling,
        "sh",
        disk,
        sys.executable,
        "-m",
        "aml_plugins.cli",
        "workspace",
        "create",
        "team-a",
    ]

    done = on_small_disk(disk, command, AML_HOME=str(disk / "home"))

    refused(done, 3, "The disk that holds the database", "Free some space")
    assert "CREATE TABLE" not in done.stderr


def test_a_disk_too_full_for_the_database_is_a_sentence(aml_home: Path, source: Path) -> None:
    filling = 'cp -r "$1" "$2" && { head -c 4000000 /dev/zero > "$2/fill" || true; } 2> /dev/null; shift 2; exec "$@"'
    disk = aml_home.parent / "disk"
    command = [
        "sh",
        "-c",
        filling,
        "sh",
        aml_home,
        disk,
        sys.executable,
        "-m",
        "aml_plugins.cli",
        "run",
        "submit",
        source,
    ]

    done = on_small_disk(disk, [*command, "--script", "train.py"], AML_HOME=str(disk / aml_home.name))

    refused(done, 3, "The disk that holds the database", "is full")
