"""Solve and install a conda environment with py-rattler. Runs in a process of its own (``conda_environment.py``)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

__all__ = ["main"]

_DEFAULT_CHANNEL = "conda-forge"
_DEFAULTS = ("main", "r")
_REASON_LINES = 30


def main(path: str) -> None:
    """Do what the job's file says, write down how it ended, and leave without tearing the threads down.

    py-rattler's threads can crash an interpreter that ends while they do.
    """
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    error = None
    try:
        asyncio.run(_build(job))
    except Exception as problem:  # noqa: BLE001  whatever it is, the builder is to hear of it
        error = _sentence(problem)
    Path(job["result"]).write_text(json.dumps({"error": error}), encoding="utf-8")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if error is None else 1)


async def _build(job: dict[str, Any]) -> None:
    from rattler import Channel, VirtualPackage, install, solve  # only this process has to have it

    channels = _channels(job["channels"])
    print(f"Solving {len(job['packages'])} dependencies from {', '.join(channels)}.")  # noqa: T201  into the log
    records = await solve(
        sources=[Channel(channel) for channel in channels],
        specs=job["packages"],
        virtual_packages=VirtualPackage.detect(),
    )
    for record in sorted(records, key=lambda record: record.name.normalized):
        print(f"  {record.name.normalized} {record.version} {record.build}")  # noqa: T201
    await install(records=records, target_prefix=job["prefix"], show_progress=False)
    print(f"Installed {len(records)} packages.")  # noqa: T201


def _channels(names: list[str]) -> list[str]:
    """Return the channels in their order of priority, each once; ``nodefaults`` says that none is added."""
    wanted = [part for name in names for part in (_DEFAULTS if name == "defaults" else (name,)) if name != "nodefaults"]
    return list(dict.fromkeys(wanted)) or [_DEFAULT_CHANNEL]


def _sentence(problem: Exception) -> str:
    name = type(problem).__name__
    text = "\n".join(str(problem).strip().splitlines()[:_REASON_LINES])
    print(f"{name}: {text}", file=sys.stderr)  # noqa: T201
    if name == "SolverError":
        return f"The packages of the specification cannot be installed together:\n{text}"
    if not name.endswith("Error") or isinstance(problem, (AttributeError, NameError, TypeError)):
        traceback.print_exc()  # a version of py-rattler that we do not know
    return f"py-rattler failed: {text or name}"
