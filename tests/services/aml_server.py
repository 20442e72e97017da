"""Our server on a database of its own, as MLflow's command starts it in each of its workers."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from services.loopback import free_port
from services.mlflow_server import clean_environment
from services.starting import is_healthy, wait_until_started

__all__ = ["AmlServer", "running_aml_server"]

_STOP_SECONDS = 20
_EMPTIED = ("aml_", "runs", "metrics", "latest_metrics", "params", "tags", "registered_model", "model_version")


@dataclass
class AmlServer:
    """A server that can be killed and started again on the same port.

    :param variables: settings beside those that every server has.
    """

    directory: Path
    store_uri: str
    port: int
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def database(self) -> Path:
        return Path(self.store_uri.removeprefix("aml+sqlite:///"))

    def start(self, *, wait: bool = True) -> None:
        """Start a worker, without the command's own process around it, which costs as much again."""
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "uvicorn", "aml_plugins.server.app:create_app", "--factory"]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.directory,
                env=self._environment(),
                start_new_session=True,
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Return once it answers."""
        assert self.process is not None
        wait_until_started("The server", self.process, self.log, lambda: is_healthy(self.url))

    def kill(self) -> None:
        """End it without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as its command does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def empty(self) -> None:
        """Take runs, models and everything of ours out of its database; workspaces stay."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in names:
                if name.startswith(_EMPTIED) and name != "aml_alembic_version":
                    connection.execute(f"DELETE FROM {name}")
            connection.execute("DELETE FROM experiments WHERE name <> 'Default'")

    def _environment(self) -> dict[str, str]:
        return clean_environment(self.directory / "home") | {
            "_MLFLOW_SERVER_FILE_STORE": self.store_uri,
            "_MLFLOW_SERVER_REGISTRY_STORE": self.store_uri,
            "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
            "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
            "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(self.directory / "artifacts"),
            "_MLFLOW_SGI_NAME": "uvicorn",
            "MLFLOW_ENABLE_WORKSPACES": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "AML_SERVER_MONITOR": "0",
            "AML_SERVER_URL": self.url,
            **self.variables,
        }


@contextmanager
def running_aml_server(
    directory: Path, *, store_uri: str | None = None, database: Path | None = None, **variables: str
) -> Iterator[AmlServer]:
    """Start a server and stop it at the end.

    :param database: a migrated SQLite database to begin with a copy of.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if database is not None:
        (directory / "aml.db").write_bytes(database.read_bytes())
    server = AmlServer(directory, store_uri or f"aml+sqlite:///{directory}/aml.db", free_port(), variables)
    server.start()
    try:
        yield server
    finally:
        server.stop()
