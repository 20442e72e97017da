"""How long a server takes to its first answer."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from services.loopback import free_port
from services.mlflow_server import clean_environment

__all__ = ["start_seconds"]


def start_seconds(name: str, directory: Path) -> float:
    """Start ``mlflow server`` or ``aml server`` on an empty database, and stop it."""
    port, uri = free_port(), f"sqlite:///{directory}/aml.db"
    environment = clean_environment(directory) | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    plain = ["mlflow", "server", "--backend-store-uri", uri, "--enable-workspaces", "--workers", "1"]
    command = plain if name == "mlflow server" else ["aml_plugins.cli", "server", "--store", f"aml+{uri}"]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)],
        cwd=directory,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not _answers(port):
            time.sleep(0.02)
        return time.perf_counter() - begun
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False
