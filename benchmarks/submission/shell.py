"""The same no-op from the command line: process start and imports are part of the time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["commands", "measure", "processor_seconds"]


def commands(source: Path, witness: Path, peers: str | None) -> dict[str, list[str]]:
    """Return the contenders' command lines; peers that are not installed are left out."""
    script = str(source / "noop.py")
    found = {
        "plain": [sys.executable, script, str(witness)],
        "ours": [
            str(Path(sys.executable).with_name("aml")),
            "run",
            "submit",
            str(source),
            "--script",
            "noop.py",
            "--wait",
        ],
        "mlflow_projects": [sys.executable, "-m", "mlflow", "run", "--env-manager", "local", str(source)],
    }
    found["ours"] += ["--", str(witness)]
    torchx = Path(peers).with_name("torchx") if peers else None
    if torchx and torchx.exists():
        found["torchx"] = [str(torchx), "run", "--wait", "--scheduler", "local_cwd", "utils.python", "--script", script]
        found["torchx"] += [str(witness)]
    return found


def measure(command: list[str], witness: Path, home: Path) -> tuple[float, float, float]:
    """Run once; return seconds to the script's first line, to the end, and of processor time.

    The latter is the command's and of what it waited for. Ours starts the script detached: its start is not in it.
    """
    environment = {**os.environ, "AML_HOME": str(home), "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db"}
    if Path(command[0]).name == "aml":
        environment.pop("MLFLOW_TRACKING_URI")
    begun = time.time()
    used = processor_seconds(command, environment)
    return float(witness.read_text()) - begun, time.time() - begun, used


def processor_seconds(command: list[str], environment: Mapping[str, str]) -> float:
    """Run once; return the seconds of processor time that the command and what it waited for took."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime
