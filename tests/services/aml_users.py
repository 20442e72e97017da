"""Users of a server with authentication: MLflow's, with its roles."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["ADMIN", "ROLES", "add_users", "ask", "auth_variables", "password_of"]

ADMIN = "admin"
_TYPES = ("experiment", "run", "registered_model", "registered_model_version", "logged_model")
ROLES: dict[str, list[tuple[str, str]]] = {
    "owner": [("workspace", "MANAGE")],
    "contributor": [("workspace", "USE"), *((kind, "EDIT") for kind in _TYPES)],
    "reader": [(kind, "READ") for kind in _TYPES],
}


def password_of(user: str) -> str:
    return f"password-of-{user}"


def auth_variables(directory: Path) -> dict[str, str]:
    """Return what a server with authentication is told; its users lie in ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "basic_auth.ini"
    path.write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{directory}/users.db\n"
        f"admin_username = {ADMIN}\nauth_cache_ttl_seconds = 600\n"
    )
    return {
        "AML_SERVER_AUTH": "1",
        "MLFLOW_AUTH_CONFIG_PATH": str(path),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password_of(ADMIN),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a key of these tests",
    }


def add_users(url: str, workspaces: list[str]) -> None:
    """Add ``ROLE-of-WORKSPACE`` for each role and workspace, and ``nobody`` without any role."""
    post(url, "/api/2.0/mlflow/users/create", {"username": "nobody", "password": password_of("nobody")})
    for workspace in workspaces:
        for role, grants in ROLES.items():
            user = f"{role}-of-{workspace}"
            post(url, "/api/2.0/mlflow/users/create", {"username": user, "password": password_of(user)})
            made = post(url, "/api/3.0/mlflow/roles/create", {"name": role, "workspace": workspace})["role"]["id"]
            for kind, permission in grants:
                wanted = {"role_id": made, "resource_type": kind, "resource_pattern": "*", "permission": permission}
                post(url, "/api/3.0/mlflow/roles/permissions/add", wanted)
            post(url, "/api/3.0/mlflow/roles/assign", {"username": user, "role_id": made})


def post(url: str, path: str, body: dict[str, Any], user: str = ADMIN) -> Any:
    status, content, _ = ask(url, "POST", path, user, json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert status < 300, (path, status, content)
    return json.loads(content)


def ask(  # noqa: PLR0917  as one says it: ask this server to do that as somebody
    url: str, method: str, path: str, user: str | None, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    """Ask as a user, or as a stranger; return status, body and headers (in lower case), whatever they are."""
    sent = dict(headers or {})
    if user is not None:
        sent["Authorization"] = "Basic " + b64encode(f"{user}:{password_of(user)}".encode()).decode()
    request = urllib.request.Request(f"{url}{path}", data=body, headers=sent, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), _lower(answer.headers.items())
    except urllib.error.HTTPError as error:
        return error.code, error.read(), _lower(error.headers.items())


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
