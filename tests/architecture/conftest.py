"""The checkout, and the wheel that is built from it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def wheel_members(tmp_path_factory) -> list[str]:
    """What a wheel built by the project's own build backend contains."""
    directory = tmp_path_factory.mktemp("wheel")
    build = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(directory)], cwd=ROOT, check=True)
    with zipfile.ZipFile(next(directory.glob("*.whl"))) as wheel:
        return wheel.namelist()


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """The files under version control; all that matter in an unpacked source distribution."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
        names = listed.stdout.split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    folders = ("aml_plugins", "compute_backends", "providers", "dags", "docs", "tests")
    return [file for folder in folders for file in (ROOT / folder).rglob("*.*") if "__pycache__" not in file.parts]
