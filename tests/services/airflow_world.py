"""A whole Airflow: API server, scheduler, DAG processor, triggerer and a Celery worker, each to be killed by itself.

PostgreSQL is behind it and behind the MLflow server with our app that its tasks talk to. Starting takes about half a
minute and 2 GB: the tests of a process share one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from services.aml_server import AmlServer, free_port, running_aml_server
from services.postgresql import PostgresqlServer

__all__ = ["INSTALL_REDIS", "AirflowWorld", "Part", "end_all", "find_redis", "running_world", "until"]

T = TypeVar("T")

PATIENCE_SECONDS = 300
_TOOL = Path(__file__).parents[2] / "tools" / "redis"
INSTALL_REDIS = "tools/redis install"


def until(wanted: Callable[[], T | None], what: str, *, patience: float = PATIENCE_SECONDS) -> T:
    """Ask again and again until the answer is not empty, and return it."""
    deadline = time.monotonic() + patience
    while True:
        found = wanted()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen in {patience:.0f} s"
        time.sleep(0.2)


@dataclass
class Part:
    """A process of its own, with all that it starts.

    :param is_ready: says whether it works, asked after each start.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    is_ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
                cwd=self.log.parent,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return once it works."""

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text()[-4000:]}"
            return self.is_ready()

        until(ready, f"the start of {self.name}")

    def start(self) -> None:
        self.begin()
        self.wait()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tree(self) -> list[psutil.Process]:
        """The process and everything below it."""
        if self.process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def kill(self) -> None:
        """End it with everything below it, without a word, as a machine does that loses its power."""
        end_all(self.tree(), psutil.Process.kill)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        """End it as its user does, and what does not end by itself with force."""
        if not self.is_running:
            return
        assert self.process is not None
        tree = self.tree()
        self.process.terminate()
        psutil.wait_procs(tree, timeout=20)
        end_all([process for process in tree if process.is_running()], psutil.Process.kill)
        self.process.wait()


def end_all(processes: list[psutil.Process], how: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            how(process)


@dataclass
class AirflowWorld:
    """A running Airflow and the server that its tasks use.

    :param home: its home; DAG files are in ``dags`` below it.
    """

    home: Path
    server: AmlServer
    port: int
    environment: dict[str, str]
    parts: dict[str, Part] = field(default_factory=dict)
    _client: httpx.Client | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dags(self) -> Path:
        return self.home / "dags"

    @property
    def scheduler(self) -> Part:
        return self.parts["scheduler"]

    @property
    def triggerer(self) -> Part:
        return self.parts["triggerer"]

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """Ask Airflow's REST API and return its answer's JSON; 404 is None."""
        client = self._client or self._signed_in()
        answer = client.request(method, f"/api/v2/{path}", json=body, params=params)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else {}

    def add_dag(self, dag_id: str, text: str) -> None:
        """Write a DAG file and wait until Airflow has it."""
        (self.dags / f"{dag_id}.py").write_text(text)
        self.wait_for_dag(dag_id)

    def wait_for_dag(self, dag_id: str) -> None:
        def known() -> bool:
            errors = self.ask("GET", "importErrors")["import_errors"]
            assert not errors, errors
            return self.ask("GET", f"dags/{dag_id}") is not None

        until(known, f"the parsing of {dag_id}")

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a DAG run and return its id."""
        run = self.ask("POST", f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return str(run["dag_run_id"])

    def task(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """Return a task instance as it is now."""
        mapped = "" if map_index < 0 else f"/{map_index}"
        found: dict[str, Any] = self.ask("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}{mapped}")
        return found

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, *states: str) -> dict[str, Any]:
        """Wait until a task instance is in one of the states."""

        def there() -> dict[str, Any] | None:
            found = self.task(dag_id, run_id, task_id)
            return found if found["state"] in states else None

        return until(there, f"{task_id} {' or '.join(states)}")

    def wait_for_run(self, dag_id: str, run_id: str) -> str:
        """Wait for a DAG run's end and return its state."""
        states = ("success", "failed")

        def ended() -> str | None:
            state = str(self.ask("GET", f"dags/{dag_id}/dagRuns/{run_id}")["state"])
            return state if state in states else None

        return until(ended, f"the end of {dag_id}")

    def returned(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> Any:
        """Return what a task returned."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/return_value"
        found = self.ask("GET", path, map_index=map_index)
        return None if found is None else found["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """Return what a task's log has, as the UI shows it."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        found = self.ask("GET", path)
        return json.dumps(found, ensure_ascii=False)

    def change(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task as a user does in the grid."""
        self.ask("PATCH", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task as a user does in the grid."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self.ask("POST", f"dags/{dag_id}/clearTaskInstances", body)

    def watched(self, model: str) -> bool:
        """Say whether the triggerer has looked at a model that a DAG's asset watches, and noted what is there."""
        found = self.ask("GET", "assets", name_pattern=f"models/{model}")["assets"]
        return any(self.ask("GET", f"assets/{asset['id']}/state-store/aml.newest_version") for asset in found)

    def sign_in(self, page: Any) -> None:
        """Sign in to the UI in a browser."""
        page.goto(f"{self.url}/auth/login")
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill("admin")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/auth/" not in url)

    def workers_of(self, dag_id: str, run_id: str, task_id: str) -> list[psutil.Process]:
        """Return the processes that work on a task instance: its supervisor, and the task itself below that."""
        instance = self.task(dag_id, run_id, task_id)["id"]
        found = []
        for part in self.parts.values():
            for process in part.tree():
                with suppress(psutil.NoSuchProcess):
                    if instance in " ".join(process.cmdline()):
                        found.append(process)
        return found

    def is_healthy(self, name: str) -> bool:
        """Say whether Airflow calls a part of itself healthy."""
        with suppress(httpx.TransportError):
            health = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=30)
            return bool(health.is_success and health.json()[name]["status"] == "healthy")
        return False

    def answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/api/v2/version", timeout=30).is_success
        return False

    def _signed_in(self) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=60)
        token = client.post("/auth/token", json={"username": "admin", "password": "admin"}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        self._client = client
        return client


def find_redis() -> Path | None:
    """Return the program of Redis."""
    found = subprocess.run([_TOOL, "find"], capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


@contextmanager
def running_world(directory: Path, postgresql: PostgresqlServer, redis: Path) -> Iterator[AirflowWorld]:
    """Start everything, and stop it at the end."""
    with ExitStack() as stack:
        store = postgresql.uri(postgresql.create_database()).replace("postgresql:", "aml+postgresql:")
        server = stack.enter_context(
            running_aml_server(directory / "server", store_uri=store, AML_SERVER_MONITOR="1", AML_AUTO_MONITOR="0")
        )
        home = directory / "airflow"
        (home / "dags").mkdir(parents=True)
        (home / "passwords.json").write_text('{"admin": "admin"}')
        port, broker = free_port(), free_port()
        database = postgresql.uri(postgresql.create_database()).replace("postgresql:", "postgresql+psycopg:")
        world = AirflowWorld(home, server, port, _settings(home, port, database, broker, server))
        _make_parts(world, redis, broker)
        command = [sys.executable, "-m", "airflow", "db", "migrate"]
        done = subprocess.run(command, env=world.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for name in ("redis", "api-server", "scheduler", "dag-processor", "triggerer"):
            world.parts[name].begin()
            stack.callback(world.parts[name].stop)
            if name == "api-server":
                world.parts[name].wait()
        for name in ("redis", "scheduler", "dag-processor", "triggerer"):
            world.parts[name].wait()
        stack.callback(world.parts["celery"].stop)
        yield world


def _make_parts(world: AirflowWorld, redis: Path, broker: int) -> None:
    def add(name: str, command: list[str], is_ready: Callable[[], bool] = lambda: True) -> None:
        world.parts[name] = Part(name, command, world.environment, world.home / f"{name}.log", is_ready)

    airflow = [sys.executable, "-m", "airflow"]
    add("redis", [str(redis), "--port", str(broker), "--bind", "127.0.0.1", "--save", ""])
    add("api-server", [*airflow, "api-server"], world.answers)
    add("scheduler", [*airflow, "scheduler"], lambda: world.is_healthy("scheduler"))
    add("dag-processor", [*airflow, "dag-processor"], lambda: world.is_healthy("dag_processor"))
    add("triggerer", [*airflow, "triggerer"], lambda: world.is_healthy("triggerer"))
    celery = world.home / "celery.log"
    add("celery", [*airflow, "celery", "worker", "--concurrency", "2"], lambda: b" ready." in celery.read_bytes())


def _settings(home: Path, port: int, database: str, broker: int, server: AmlServer) -> dict[str, str]:
    """Return the environment of every process of this Airflow."""
    dropped = ("AIRFLOW_", "MLFLOW_", "AML_", "PYTHONDONTWRITEBYTECODE")
    outside = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    url = f"http://127.0.0.1:{port}"
    settings = {
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__EXECUTOR": "LocalExecutor,CeleryExecutor",
        "CORE__PARALLELISM": "6",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__WORKERS": "1",
        "API__BASE_URL": url,
        "API__SECRET_KEY": "a-key-of-these-tests",
        "API_AUTH__JWT_SECRET": "a-secret-of-these-tests-" * 4,
        "CELERY__BROKER_URL": f"redis://127.0.0.1:{broker}/0",
        "CELERY__RESULT_BACKEND": f"db+{database}",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        # What notices that something is gone looks more often than in a real installation.
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
        "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return outside | {
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "AIRFLOW_HOME": str(home),
        "AML_HOME": str(server.directory / "home"),
        "AML_STORE_URI": server.url,
        "AML_AUTO_MONITOR": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }
