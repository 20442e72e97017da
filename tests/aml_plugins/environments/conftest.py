from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from services.conda_channel import CondaChannel
from services.requirements import require_service

PREPARER = Path(__file__).with_name("preparer.py")


class Preparing:
    """A source directory and a cache; environments are prepared by processes, as runners do it."""

    def __init__(self, root: Path) -> None:
        self.source = root / "source"
        self.cache = root / "cache"
        self.source.mkdir()
        self.variables = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        self.variables.update(UV_CACHE_DIR=str(root / "uv-cache"), PIP_NO_CACHE_DIR="1")
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, environment: Mapping[str, Any], *more: Path, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(PREPARER), json.dumps(environment), str(self.cache), *map(str, more)],
            cwd=self.source,
            env={**self.variables, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def prepare(self, environment: Mapping[str, Any], **variables: str) -> dict[str, Any]:
        return self.ended(self.start(environment, **variables))

    @staticmethod
    def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
        """What a process made, with its log."""
        output, log = process.communicate(timeout=240)
        assert process.returncode == 0, log
        return {**json.loads(output), "log": log}

    def python(self, made: Mapping[str, Any], program: str) -> str:
        done = subprocess.run([made["python"], "-c", program], capture_output=True, text=True, check=True, cwd="/")
        return done.stdout.strip()


@pytest.fixture
def preparing(tmp_path: Path) -> Iterator[Preparing]:
    preparing = Preparing(tmp_path)
    yield preparing
    for process in preparing.processes:
        process.kill()
        process.communicate()


@pytest.fixture
def without_uv(preparing: Preparing, tmp_path: Path) -> Preparing:
    """A uv that does not work comes first: a version manager's launcher without a version."""
    broken = tmp_path / "broken" / "uv"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    preparing.variables["PATH"] = f"{broken.parent}:{preparing.variables['PATH']}"
    return preparing


@pytest.fixture(params=["uv", "venv"])
def any_builder(request: pytest.FixtureRequest, preparing: Preparing, tmp_path: Path) -> Preparing:
    if request.param == "venv":
        request.getfixturevalue("without_uv")
        return preparing
    ours = Path(sys.executable).parent  # it is among the pins, and need not be on the path
    found = shutil.which("uv", path=os.pathsep.join([os.environ["PATH"], str(ours)]))
    require_service("uv", found, "pip install uv")
    alone = tmp_path / "with-uv"
    alone.mkdir()
    (alone / "uv").symlink_to(str(found))
    preparing.variables["PATH"] = f"{alone}:{preparing.variables['PATH']}"
    return preparing


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory) -> CondaChannel:
    """A channel with this machine's Python, a library, two versions of a program, and who needs the older."""
    root = tmp_path_factory.mktemp("conda")
    channel = CondaChannel(root / "channel")
    channel.add_python(root / "python")
    channel.add_library("mylib", "3.1", "ANSWER = 42\n")
    for version in ("1.0", "2.0"):
        channel.add("greet", version, {"bin/greet": f"#!/bin/sh\necho greet {version}\n".encode()})
    activate = b'export APP_HOME="$CONDA_PREFIX/share/app"\necho noise\n'
    channel.add("app", "0.1", {"etc/conda/activate.d/app.sh": activate}, depends=["greet <2"])
    channel.index()
    return channel


@pytest.fixture
def conda(preparing: Preparing, channel: CondaChannel, tmp_path: Path) -> Preparing:
    preparing.variables["RATTLER_CACHE_DIR"] = str(tmp_path / "rattler-cache")
    return preparing
