"""Virtual environments from pip requirements."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .interpreters import choose
from .requirements import find_uv, install_with_pip, install_with_uv

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .cache import Build
    from .tools import Tools

__all__ = ["build_pip"]


def build_pip(environment: Mapping[str, Any], build: Build, tools: Tools) -> str:
    """Build it with uv where there is one, else with venv and pip; return the path of its Python."""
    base = choose(environment.get("python"))
    lines = [str(line) for line in environment.get("requirements") or ()]
    python = os.path.join(build.prefix, "bin", "python")
    uv = find_uv()
    tools.say(f"Python {base.version} ({base.path}), with {'uv' if uv else 'venv and pip'}.")
    if uv is not None:
        tools.run("uv", [uv, "venv", "--quiet", "--python", base.path, build.prefix], build.scratch)
    else:
        tools.run("venv", [base.path, "-I", "-m", "venv", build.prefix], build.scratch)
    if lines and uv is not None:
        install_with_uv(tools, uv, python, lines)
    elif lines:
        install_with_pip(tools, python, lines)
    return python
