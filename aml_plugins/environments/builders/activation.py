"""Variables of an activated environment; the runner adds ``PATH``, ``VIRTUAL_ENV`` and ``CONDA_PREFIX`` itself."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from .specifications import Specification

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .owner import Owner

__all__ = ["activation"]

_SOURCE = '{ for file in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do . "$file"; done; } >/dev/null 2>&1; env -0'
_OF_THE_SHELL = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "PATH"})
_SECONDS = 60


def activation(environment: Mapping[str, Any], prefix: str, owner: Owner) -> dict[str, str]:
    """Return the variables of an environment beyond those of every environment."""
    if environment.get("kind") != "conda":
        return {}
    variables = {"CONDA_DEFAULT_ENV": prefix, "CONDA_SHLVL": "1"}
    variables.update(_of_packages(prefix, owner))
    variables.update(Specification(environment).variables)
    return variables


def _of_packages(prefix: str, owner: Owner) -> dict[str, str]:
    """Return what the activation scripts of its packages set."""
    if not os.path.isdir(os.path.join(prefix, "etc", "conda", "activate.d")):
        return {}
    import subprocess  # noqa: PLC0415  few environments have such scripts

    path = os.path.join(prefix, "bin") + os.pathsep + os.environ.get("PATH", os.defpath)
    before = {**os.environ, "CONDA_PREFIX": prefix, "PATH": path}
    try:
        done = subprocess.run(
            [shutil.which("bash") or "/bin/sh", "-c", _SOURCE],
            env=before,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        owner.say("The environment's activation scripts failed; what they set is missing.")
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in done.stdout.split(b"\0") if entry)
    return {name: value for name, _, value in pairs if name not in _OF_THE_SHELL and before.get(name) != value}
