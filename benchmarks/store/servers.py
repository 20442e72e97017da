"""``mlflow server`` on a database, and MLflow's own client of it in place of a store."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import sqlalchemy as sa

START_SECONDS = 180


@contextmanager
def client_of_server(backend_uri: str) -> Iterator[Any]:
    """Yield a client that has a store's methods, with an ``engine`` that reaches the same database directly.

    One worker, as both contenders get: a second one would share the two cores with the client.
    """
    from mlflow.store.tracking.rest_store import RestStore
    from mlflow.utils.rest_utils import MlflowHostCreds

    with tempfile.TemporaryDirectory(prefix="aml-bench-") as directory, create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        listening.close()
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend_uri, "--workers", "1"]
        command += ["--port", str(port), "--default-artifact-root", directory, "--no-serve-artifacts"]
        with (Path(directory) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(directory), cwd=directory)
        try:
            _wait(process, f"http://127.0.0.1:{port}", Path(directory) / "log")
            client = RestStore(lambda: MlflowHostCreds(f"http://127.0.0.1:{port}"))
            client.engine = sa.create_engine(backend_uri.removeprefix("aml+"))
            yield client
        finally:
            process.terminate()
            process.wait(30)


def _environment(home: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "_MLFLOW", "AML_"))}
    return kept | {"AML_HOME": home, "MLFLOW_DISABLE_TELEMETRY": "true"}


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"mlflow server did not start:\n{log.read_text()}") from None
            time.sleep(0.2)
