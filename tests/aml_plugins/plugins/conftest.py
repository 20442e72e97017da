"""Plugins as distributions: a real one that is built and installed, and broken ones that are made up on the spot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

TEST_PLUGIN = Path(__file__).parents[2] / "resources" / "aml-test-plugin"

Ask = Callable[..., Any]
Fabricate = Callable[..., Path]


@pytest.fixture(scope="session")
def installed_test_plugin(tmp_path_factory) -> Path:
    """A directory with aml-test-plugin in it, as ``pip install --target`` leaves it: built by its own build backend."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("target")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(wheels)], cwd=TEST_PLUGIN, check=True)
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(target)
    return target


@pytest.fixture
def run_python(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a fresh interpreter: in this one, most things are imported already."""

    def run(code: str, *directories: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AML_", "PYTHON"))}
        environment |= {"PYTHONPATH": os.pathsep.join(map(str, directories)), **variables}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def ask(run_python) -> Ask:
    """Run code that assigns ``answer``, and return that."""

    def ask(code: str, *directories: Path, **variables: str) -> Any:
        done = run_python(f"{code}\nimport json\nprint('answer', json.dumps(answer))", *directories, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rpartition("answer ")[2])

    return ask


@pytest.fixture
def fabricate(tmp_path) -> Fabricate:
    """Make up an installed distribution by writing its metadata."""

    def fabricate(
        distribution: str, entry_points: Mapping[str, str] | str, modules: Mapping[str, str] | None = None
    ) -> Path:
        directory = tmp_path / f"site-{distribution}"
        info = directory / f"{distribution.replace('-', '_')}-0.1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.1\n")
        if not isinstance(entry_points, str):
            lines = "\n".join(f"{name} = {value}" for name, value in entry_points.items())
            entry_points = f"[aml_plugins]\n{lines}\n"
        (info / "entry_points.txt").write_text(entry_points)
        for name, source in (modules or {}).items():
            (directory / f"{name}.py").write_text(source)
        return directory

    return fabricate
