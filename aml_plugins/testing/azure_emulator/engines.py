"""Containers, for tasks and container groups that ask for an image: by the command ``docker``."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["LABEL", "container_command", "engine", "remove_container"]

_SECONDS = 20
LABEL = "aml-azure-emulator"
"""On every container: those of an emulator that was killed can be found by it."""


@cache
def _found() -> str | None:
    program = shutil.which("docker")
    if program is None:
        return None
    asked = subprocess.run(
        [program, "version", "--format", "{{.Server.Version}}"], capture_output=True, timeout=_SECONDS, check=False
    )
    return program if asked.returncode == 0 else None


def engine() -> str | None:
    """Return the container engine's command, None where no engine runs."""
    program = _found()
    if program is None:
        _found.cache_clear()  # one may be started meanwhile
    return program


def container_command(
    settings: Mapping[str, Any],
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    node_root: Path,
    working_directory: Path,
    name: str,
) -> list[str]:
    """Return the command that runs a Batch task in a container.

    :raises OSError: where no engine runs.
    """
    program = engine()
    if program is None:
        raise OSError("The emulator needs a running container engine for tasks with containerSettings")
    names = [part for name in environment if name not in {"PATH", "HOME"} for part in ("--env", name)]
    inside = (
        [] if settings.get("workingDirectory") == "containerImageDefault" else ["--workdir", str(working_directory)]
    )
    options = shlex.split(str(settings.get("containerRunOptions") or ""))
    named = any(option.partition("=")[0] in {"--network", "--net"} for option in options)
    network = [] if named else ["--network", "host"]  # the engine refuses the same network twice
    return [
        *(
            program,
            "run",
            "--rm",
            "--label",
            LABEL,
            "--name",
            name,
            *network,
            "--volume",
            f"{node_root}:{node_root}",
        ),
        *(*names, *inside, *options, str(settings["imageName"]), *arguments),
    ]


def remove_container(name: str) -> None:
    """End a container and delete it; one that is not there is fine."""
    program = engine()
    if program is not None:
        subprocess.run([program, "rm", "--force", name], capture_output=True, timeout=_SECONDS, check=False)
