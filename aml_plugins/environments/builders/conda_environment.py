"""Conda environments from specifications."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BuildError
from .redaction import redact
from .requirements import install_with_pip
from .specifications import Specification

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .cache import Build
    from .tools import Tools

__all__ = ["build_conda"]

_COMMANDS = {"micromamba": ("create",), "mamba": ("env", "create"), "conda": ("env", "create")}
_SOLVE = "import importlib, sys; sys.path.append(sys.argv[1]); importlib.import_module(sys.argv[2]).main(sys.argv[3])"
_HAS_RATTLER = "import importlib.util, sys; sys.exit(importlib.util.find_spec('rattler') is None)"
_PROBE_SECONDS = 60


def build_conda(environment: Mapping[str, Any], build: Build, tools: Tools) -> str:
    """Build it with micromamba, mamba or conda, whichever is there, else with py-rattler; return its Python's path.

    The specification's pip section is installed afterwards, by the environment's own Python.
    """
    specification = Specification(environment)
    tool, path = _find_tool()
    tools.say(f"Conda environment with {tool} ({path}).")
    if tool == "py-rattler":
        _build_with_rattler(specification, build, tools, path)
    else:
        _build_with_command(specification, build, tools, tool, path)
    python = os.path.join(build.prefix, "bin", "python")
    if not os.path.exists(python):
        raise BuildError("The conda specification installs no Python; add 'python' to its dependencies.")
    if specification.pip:
        _ensure_pip(python, build, tools)
        install_with_pip(tools, python, specification.pip)
    return python


def _find_tool() -> tuple[str, str]:
    for name in _COMMANDS:
        path = shutil.which(name)
        if path is not None:
            return name, path
    for python in _pythons():
        if _succeeds([python, "-c", _HAS_RATTLER]):
            return "py-rattler", python
    raise BuildError(
        "The compute target has neither micromamba, mamba nor conda, nor the Python package py-rattler; "
        "install one of them."
    )


def _pythons() -> Iterator[str]:
    yield sys.executable
    found = shutil.which("python3")
    if found is not None:
        yield found


def _build_with_command(specification: Specification, build: Build, tools: Tools, tool: str, path: str) -> None:
    file = os.path.join(build.scratch, "environment.yml")
    content = {"channels": specification.channels, "dependencies": specification.packages}
    Path(file).write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    tools.run(tool, [path, *_COMMANDS[tool], "--prefix", build.prefix, "--file", file], build.scratch)


def _build_with_rattler(specification: Specification, build: Build, tools: Tools, python: str) -> None:
    """Solve and install in a process of its own; a file says how it ended: its exit may crash after all is done."""
    job, result = (os.path.join(build.scratch, name) for name in ("solve.json", "result.json"))
    content = {
        "channels": specification.channels,
        "packages": specification.packages,
        "prefix": build.prefix,
        "result": result,
    }
    Path(job).write_text(json.dumps(content), encoding="utf-8")
    package = __name__.rpartition(".")[0]
    root = os.path.abspath(__file__)
    for _ in __name__.split("."):
        root = os.path.dirname(root)
    failure = None
    try:
        # Not isolated, as py-rattler may be on PYTHONPATH; the current directory, which counts, too, is our own.
        command = [python, "-c", _SOLVE, root, f"{package}.solving", job]
        tools.run("py-rattler", command, build.scratch, _python_path())
    except BuildError as error:
        failure = error
    try:
        said = json.loads(Path(result).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise failure or BuildError("py-rattler ended without a word.") from None
    if said["error"] is not None:
        raise BuildError(redact(said["error"]))


def _python_path() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}


def _ensure_pip(python: str, build: Build, tools: Tools) -> None:
    if not _succeeds([python, "-I", "-m", "pip", "--version"]):
        tools.run("ensurepip", [python, "-I", "-m", "ensurepip"], build.scratch)


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS, cwd="/", check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
