"""Install requirement lines into an environment's Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .tools import Tools

__all__ = ["find_uv", "install_with_pip", "install_with_uv"]

_VERSION_SECONDS = 30


def find_uv() -> str | None:
    """Return uv where there is one that works: a version manager's launcher may not."""
    path = os.pathsep.join([os.path.dirname(sys.executable), *os.get_exec_path()])
    found = shutil.which("uv", path=path)
    if found is None:
        return None
    try:
        done = subprocess.run(
            [found, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found if done.returncode == 0 else None


def install_with_uv(tools: Tools, uv: str, python: str, lines: Sequence[str]) -> None:
    """Install with uv; it knows an environment by its Python."""
    with _requirements_file(lines) as file:
        tools.run("uv", [uv, "pip", "install", "--python", python, "-r", file], os.getcwd())


def install_with_pip(tools: Tools, python: str, lines: Sequence[str]) -> None:
    """Install with the environment's own pip."""
    with _requirements_file(lines) as file:
        # Isolated: a module of the script's directory, say random.py, would take the library's place.
        tools.run("pip", [python, "-I", "-m", "pip", "install", "-r", file], os.getcwd())


@contextmanager
def _requirements_file(lines: Sequence[str]) -> Iterator[str]:
    """Write the lines to a file in the current directory: to both tools, relative paths then mean the same."""
    descriptor, path = tempfile.mkstemp(prefix=".aml-requirements-", suffix=".txt", dir=os.getcwd())
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))
        yield path
    finally:
        os.unlink(path)
