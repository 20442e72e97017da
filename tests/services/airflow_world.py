"""A whole Airflow: API server, scheduler, DAG processor, triggerer and a Celery worker, each to be killed by itself.

PostgreSQL is behind it and behind the MLflow server with our app that its tasks talk to. Starting takes about half a
minute and 2 GB: the tests of a process share one.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.airflow_api import AirflowWorld
from services.aml_server import AmlServer, running_aml_server
from services.loopback import free_port
from services.postgresql import PostgresqlServer
from services.world_parts import Part, end_all, until

__all__ = ["INSTALL_REDIS", "AirflowWorld", "Part", "end_all", "find_redis", "running_world", "until"]

_TOOL = Path(__file__).parents[2] / "tools" / "redis"
INSTALL_REDIS = "tools/redis install"


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
    add("scheduler", [*airflow, "scheduler", "--skip-serve-logs"], lambda: world.is_healthy("scheduler"))
    add("dag-processor", [*airflow, "dag-processor"], lambda: world.is_healthy("dag_processor"))
    add("triggerer", [*airflow, "triggerer", "--skip-serve-logs"], lambda: world.is_healthy("triggerer"))
    celery = world.home / "celery.log"
    add(
        "celery",
        [*airflow, "celery", "worker", "--concurrency", "2", "--skip-serve-logs"],
        lambda: b" ready." in celery.read_bytes(),
    )


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
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",  # a file is parsed once; those that changed are at once
        # What notices that something is gone looks more often than in a real installation.
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
        "WORKERS__EXECUTION_API_TIMEOUT": "60",  # five seconds fail a task of a busy machine before it begins
        "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
        "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
        "TRIGGERER__RUNNER_HEALTH_CHECK_THRESHOLD": "300",  # a busy machine imports slowly
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
