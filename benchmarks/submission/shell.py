"""The same no-op from the command line: process start and imports are part of the time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["commands", "measure"]


def commands(source: Path, witness: Path, peers: str | None) -> dict[str, list[str]]:
    """Return the contenders' command lines; peers that are not installed are left out."""
    script = str(source / "noop.py")
    found = {
        "plain": [sys.executable, script, str(witness)],
        "ours": [
            sys.executable,
            "-m",
            "aml_plugins.cli",
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


def measure(command: list[str], witness: Path, home: Path) -> tuple[float, float]:
    """Run once; return seconds to the script's first line and to the end."""
    environment = {**os.environ, "AML_HOME": str(home), "MLFLOW_TRACKING_URI": f"sqlite:///{home}/mlflow.db"}
    if "aml_plugins.cli" in command:
        environment.pop("MLFLOW_TRACKING_URI")
    begun = time.time()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return float(witness.read_text()) - begun, time.time() - begun
