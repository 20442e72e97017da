"""Any CPython from 3.8 on, and nothing imported that costs time without need."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aml_plugins.runs.runner
from aml_plugins.compute.runner_bundle import runner_command, runner_file
from aml_plugins.environments.builders import BuildError
from aml_plugins.environments.builders.interpreters import choose

PACKAGE = Path(aml_plugins.runs.runner.__file__).parent
SOURCES = sorted(PACKAGE.glob("*.py"))
OLDEST = (3, 8)
OTHERS = ["3.8", "3.9", "3.10", "3.12", "3.13"]


@pytest.mark.parametrize("path", SOURCES, ids=[path.name for path in SOURCES])
def test_syntax_of_the_oldest_python(path: Path) -> None:
    tree = ast.parse(path.read_text(), path.name, feature_version=OLDEST)
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    } | {
        str(node.module).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 0
    }
    assert imported <= {*sys.stdlib_module_names, "aml_environments"}
    assert not imported or "from __future__ import annotations" in path.read_text()


def test_every_file_of_the_archive_is_for_the_oldest_python(tmp_path: Path) -> None:
    with zipfile.ZipFile(runner_file(tmp_path)) as archive:
        archive.extractall(tmp_path / "all")
    with zipfile.ZipFile(tmp_path / "all" / "script_api.zip") as archive:
        archive.extractall(tmp_path / "all")
    files = list((tmp_path / "all").rglob("*.py"))
    assert {"main.py", "logging_calls.py"} <= {path.name for path in files}
    for path in files:
        ast.parse(path.read_text(), path.name, feature_version=OLDEST)


def test_a_job_needs_none_of_the_slow_modules(run: Callable[..., Any], tmp_path: Path) -> None:
    slow = ["json", "re", "enum", "typing", "subprocess", "zipfile", "pathlib", "dataclasses", "threading", "signal"]
    ran = run("print('ran')")
    directory = tmp_path / "again"
    directory.mkdir()
    for name in ("runner.pyz", "job.json", "snapshot.zip"):
        (directory / name).write_bytes((ran.directory / name).read_bytes())
    command = runner_command(sys.executable, directory / "runner.pyz", directory)
    bootstrap = command[command.index("-c") + 1]
    show = f"code = main(sys.argv[2:]); print([m for m in {slow} if m in sys.modules], flush=True); os._exit(code)"
    command[command.index("-c") + 1] = bootstrap.replace("os._exit(main(sys.argv[2:]))", show)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert (directory / "std_log.txt").read_text() == "ran\n"


@pytest.mark.parametrize("version", OTHERS)
def test_other_interpreters(run: Callable[..., Any], version: str) -> None:
    try:
        python = choose(version).path
    except BuildError:
        pytest.skip(f"Python {version} is not here")
    ran = run("import sys; print('%d.%d' % sys.version_info[:2]); from azureml.core import Run", command=[python])
    assert ran.status["state"] == "succeeded", ran.text + ran.stderr
    assert ran.text == f"{version}\n"


def test_the_system_s_python(run: Callable[..., Any]) -> None:
    """Without any package: what a bare target has."""
    ran = run("print('ran')", command=["/usr/bin/env", "-i", "/usr/bin/python3"])
    assert (ran.status["state"], ran.text) == ("succeeded", "ran\n")
