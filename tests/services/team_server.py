"""A real ``aml server`` that asks who its users are. Starting one takes 10 to 20 s: a test session has one."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from services.loopback import free_port
from services.mlflow_server import clean_environment
from services.starting import is_healthy, wait_until_started

__all__ = ["ADMIN", "PASSWORD", "Answer", "Client", "TeamServer", "mlflow_rules", "team_server"]

ADMIN = "admin"
PASSWORD = "correct horse battery"
_START_SECONDS = 180
_STOP_SECONDS = 20
_AML = "/api/2.0/aml"


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """One person's kept-alive connection; a stranger has no name."""

    port: int
    user: str | None = None
    password: str = PASSWORD
    headers: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        workspace: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask; a dictionary goes as JSON, bytes as they are."""
        sent = {**self._credentials(), **self.headers, **(headers or {})}
        if workspace is not None:
            sent["X-MLFLOW-WORKSPACE"] = workspace
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if data is not None and not isinstance(body, bytes):
            sent.setdefault("Content-Type", "application/json")
        target = f"{path}?{urlencode(params, doseq=True)}" if params else path
        for is_last in (False, True):
            connection = self._connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            self._connection = connection
            try:
                connection.request(method, target, data, sent)
                response = connection.getresponse()
                return Answer(response.status, response.read(), dict(response.getheaders()))
            except (http.client.HTTPException, ConnectionError):
                self.close()  # the server ended an idle connection
                if is_last:
                    raise
        raise AssertionError

    def aml(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        """Ask our API."""
        return self(method, f"{_AML}{path}", body, **options)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _credentials(self) -> dict[str, str]:
        if self.user is None:
            return {}
        pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}


@dataclass(frozen=True)
class TeamServer:
    """A running server.

    :param store_uri: its database.
    :param home: its home directory; ``server.log`` in it has what it printed.
    """

    port: int
    store_uri: str
    home: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, user: str | None = ADMIN, password: str = PASSWORD) -> Client:
        return Client(self.port, user, password)


@contextmanager
def team_server(directory: Path, *options: str) -> Iterator[TeamServer]:
    """Start a server with authentication on an empty database below ``directory``."""
    home = directory / "home"
    home.mkdir(parents=True)
    server = TeamServer(free_port(), f"aml+sqlite:///{directory}/aml.db", home)
    log = home / "server.log"
    command = [sys.executable, "-m", "aml_plugins.cli", "server", "--with-auth", "--port", str(server.port)]
    variables = {
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "AML_STORE_URI": server.store_uri,
        # MLflow's webhooks of tests lead to a port of this machine where nobody listens.
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=directory,
            env=clean_environment(home) | variables,
            start_new_session=True,
        )
    try:
        wait_until_started("The server", process, log, lambda: is_healthy(server.url))
        yield server
    finally:
        _stop(process)


_RULES = """
import json, re
from fastapi import routing
from mlflow.server import app, auth
# Newer versions of FastAPI keep routes below the routers that they were included with.
native = list(getattr(routing, "iter_route_contexts", iter)(auth.create_app().routes))
rules = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods}
rules |= {(method, route.path) for route in native for method in getattr(route, "methods", None) or ()}
print(json.dumps(sorted((method, path) for method, path in rules if method not in ("HEAD", "OPTIONS"))))
"""


def mlflow_rules(directory: Path) -> list[tuple[str, str]]:
    """Return method and rule of every route that MLflow's server has with authentication, from its own tables."""
    settings = directory / "auth.ini"
    settings.write_text(f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{directory}/users.db\n")
    variables = {
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "none",
        "MLFLOW_ENABLE_WORKSPACES": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{directory}/mlflow.db",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
    done = subprocess.run(
        [sys.executable, "-c", _RULES],
        env=clean_environment(directory) | variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=_START_SECONDS,
    )
    return [(method, path) for method, path in json.loads(done.stdout.splitlines()[-1])]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
