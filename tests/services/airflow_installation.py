"""A real Airflow with a database of its own, and a worker that tests may kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["Airflow", "Worker"]

_WORKER = Path(__file__).with_name("airflow_worker.py")


@dataclass(frozen=True)
class Airflow:
    """An installation: a home directory and its migrated SQLite database."""

    home: Path

    @property
    def dags(self) -> Path:
        """The DAGs folder."""
        return self.home / "dags"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of this installation."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "MLFLOW_"))}
        outside.pop("PYTHONDONTWRITEBYTECODE", None)  # imports take three times as long with it
        return outside | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-these-tests-" * 4,
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "SCARF_ANALYTICS": "false",
            "DO_NOT_TRACK": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "NO_PROXY": "*",
            "no_proxy": "*",
        }

    def migrate(self) -> None:
        """Create the database; takes 4 to 8 seconds."""
        self.dags.mkdir(parents=True)
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@dataclass
class Worker:
    """A process that runs tasks. It is started by the first request, and replaced where it is killed.

    :param log: gets what the process prints: the tasks' logs.
    """

    airflow: Airflow
    log: Path
    _process: subprocess.Popen[str] | None = None
    _replies: IO[str] | None = None
    _loaded: Path | None = None
    _is_asked: bool = False
    pid: int = 0
    """The process now."""

    def load(self, file: Path) -> None:
        """Parse a DAG file; where the process is killed, its successor does so again."""
        self._loaded = None
        self.ask("load", file=str(file))
        self._loaded = file

    def ask(self, action: str, **arguments: Any) -> Any:
        """Have something done; see ``airflow_worker.py``."""
        self.begin(action, **arguments)
        return self.reply()

    def begin(self, action: str, **arguments: Any) -> None:
        """Have something done without waiting for it.

        A process that still does what a failed test began is replaced: its answer would be taken for the next one.
        """
        if self._is_asked:
            self.stop()
        process = self._process or self._start()
        self._is_asked = True
        assert process.stdin is not None
        ours = {name: value for name, value in os.environ.items() if name.startswith("AML_")}
        process.stdin.write(json.dumps({"do": action, "environment": ours, **arguments}) + "\n")
        process.stdin.flush()

    def reply(self) -> Any:
        """Wait for what was begun.

        :raises ProcessLookupError: the process was killed over it.
        """
        assert self._process is not None
        assert self._replies is not None
        reply = json.loads(self._replies.readline() or '{"trouble": "The worker is gone."}')
        self._is_asked = False
        if "killed" in reply:
            self._meet()
            raise ProcessLookupError("The worker was killed.")
        assert "trouble" not in reply, reply["trouble"]
        return reply["value"]

    def stop(self) -> None:
        """End the process, however it is."""
        process, self._process = self._process, None
        self._is_asked = False
        if process is not None:
            process.kill()
            process.communicate()
        if self._replies is not None:
            self._replies.close()

    def _start(self) -> subprocess.Popen[str]:
        reading, writing = os.pipe()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_WORKER), str(writing)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[writing],
                env=self.airflow.environment,
                text=True,
            )
        os.close(writing)
        self._replies = os.fdopen(reading)
        self._meet()
        return self._process

    def _meet(self) -> None:
        """Hear which process serves from now on, and give it what its predecessor had."""
        assert self._replies is not None
        self.pid = json.loads(self._replies.readline())["pid"]
        if self._loaded is not None:
            self.ask("load", file=str(self._loaded))
