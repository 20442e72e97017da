"""What tests ask a running Airflow for: its REST API, its UI, its processes."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from services.aml_server import AmlServer
from services.world_parts import Part, until

__all__ = ["AirflowWorld"]


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
        """Say whether the API server answers people, and tasks: to those it gets ready with their first request."""
        with suppress(httpx.TransportError):
            if httpx.get(f"{self.url}/api/v2/version", timeout=30).is_success:
                return not httpx.get(f"{self.url}/execution/", timeout=300).is_server_error
        return False

    def _signed_in(self) -> httpx.Client:
        client = httpx.Client(base_url=self.url, timeout=60)
        token = client.post("/auth/token", json={"username": "admin", "password": "admin"}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        self._client = client
        return client
