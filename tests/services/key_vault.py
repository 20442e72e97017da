"""A small Azure: a key vault's secrets over https behind its authentication challenge, and the login that gives tokens.

Only what clients of secrets need: set (a new version), get, list with pages, soft delete. A token is asked for with a
client secret, is good for one audience, and is checked at each request.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from services.certificates import server_context, write_certificate
from services.loopback import serving

__all__ = ["AUDIENCE", "KeyVault", "running_key_vault"]

AUDIENCE = "https://vault.azure.net"
TENANT, CLIENT = str(uuid.uuid4()), str(uuid.uuid4())
PAGE = 3


@dataclass
class KeyVault:
    """A running emulator and what it holds.

    :param versions: of each secret, oldest first: ``(id, value)``.
    :param forbidden: answers 403 to everybody while it is True.
    :param calls: method and path of each request, the login's included.
    """

    url: str
    certificate: Path
    client_secret: str
    versions: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)
    forbidden: bool = False
    calls: list[str] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """Return the variables with which azure-identity logs in here."""
        return {
            "AZURE_AUTHORITY_HOST": self.url,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self.client_secret,
            "REQUESTS_CA_BUNDLE": str(self.certificate),
        }


@contextmanager
def running_key_vault(directory: Path) -> Iterator[KeyVault]:
    """Start the emulator and stop it at the end."""
    certificate, key = write_certificate(directory)
    with serving(_Handler, server_context(certificate, key)) as server:
        vault = KeyVault(f"https://127.0.0.1:{server.server_port}", certificate, secrets.token_urlsafe(24))
        server.vault = vault  # type: ignore[attr-defined]
        yield vault


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def vault(self) -> KeyVault:
        return self.server.vault

    def log_message(self, *_arguments: object) -> None:
        """Tests read ``calls``."""

    def do_GET(self) -> None:
        self._dispatch("")

    def do_POST(self) -> None:
        self._dispatch(self._body())

    def do_PUT(self) -> None:
        self._dispatch(self._body())

    def do_DELETE(self) -> None:
        self._dispatch("")

    def _body(self) -> str:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def _dispatch(self, body: str) -> None:
        path = urlsplit(self.path).path
        self.vault.calls.append(f"{self.command} {path}")
        if path.startswith(f"/{TENANT}/"):
            self._login(path, body)
        elif self._is_allowed():
            self._serve(path.strip("/").split("/"), body)

    def _login(self, path: str, body: str) -> None:
        if path.endswith("/.well-known/openid-configuration"):
            endpoint = f"{self.vault.url}/{TENANT}/oauth2/v2.0"
            self._answer(
                200,
                {
                    "token_endpoint": f"{endpoint}/token",
                    "authorization_endpoint": f"{endpoint}/authorize",
                    "issuer": f"{self.vault.url}/{TENANT}/v2.0",
                },
            )
            return
        form = {name: values[0] for name, values in parse_qs(body).items()}
        known = (form.get("client_id"), form.get("client_secret")) == (CLIENT, self.vault.client_secret)
        if form.get("grant_type") != "client_credentials" or not known:
            self._answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."})
            return
        audience = form["scope"].removesuffix("/.default")
        token = _token(audience)
        self.vault.tokens[token] = audience
        self._answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": token})

    def _is_allowed(self) -> bool:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.vault.tokens.get(token) != AUDIENCE:
            challenge = f'Bearer authorization="{self.vault.url}/{TENANT}", resource="{AUDIENCE}"'
            error = {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer token."}}
            self._answer(401, error, {"WWW-Authenticate": challenge})
            return False
        if self.vault.forbidden:
            self._error(403, "Forbidden", "The user, group or application does not have secrets permission.")
            return False
        return True

    def _serve(self, parts: list[str], body: str) -> None:
        if parts[0] == "secrets" and len(parts) == 1:
            self._list()
        elif parts[0] == "secrets" and self.command == "PUT":
            self._set(parts[1], json.loads(body)["value"])
        elif parts[0] == "secrets" and self.command == "DELETE":
            self._delete(parts[1])
        elif parts[0] == "secrets":
            self._get(parts[1])
        elif parts[0] == "deletedsecrets" and parts[1] in self.vault.deleted:
            self._answer(200, self._deleted(parts[1]))
        else:
            self._error(404, "SecretNotFound", f"A secret with (name/id) {parts[-1]} was not found in this key vault.")

    def _set(self, name: str, value: str) -> None:
        if name in self.vault.deleted:
            self._error(409, "Conflict", f"Secret {name} is currently in a deleted but recoverable state.")
            return
        self.vault.versions.setdefault(name, []).append((uuid.uuid4().hex, value))
        self._answer(200, self._bundle(name))

    def _get(self, name: str) -> None:
        if name in self.vault.versions:
            self._answer(200, self._bundle(name))
        else:
            self._error(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")

    def _delete(self, name: str) -> None:
        if name not in self.vault.versions:
            self._error(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
            return
        del self.vault.versions[name]
        self.vault.deleted.add(name)
        self._answer(200, self._deleted(name))

    def _list(self) -> None:
        names = sorted(self.vault.versions)
        after = parse_qs(urlsplit(self.path).query).get("$skiptoken", [""])[0]
        rest = [name for name in names if name > after]
        items = [{"id": f"{self.vault.url}/secrets/{name}", "attributes": _attributes()} for name in rest[:PAGE]]
        more = f"{self.vault.url}/secrets?api-version=7.5&$skiptoken={rest[PAGE - 1]}" if len(rest) > PAGE else None
        self._answer(200, {"value": items, "nextLink": more})

    def _bundle(self, name: str) -> dict[str, object]:
        version, value = self.vault.versions[name][-1]
        return {"value": value, "id": f"{self.vault.url}/secrets/{name}/{version}", "attributes": _attributes()}

    def _deleted(self, name: str) -> dict[str, object]:
        url = self.vault.url
        return {
            "recoveryId": f"{url}/deletedsecrets/{name}",
            "deletedDate": int(time.time()),
            "scheduledPurgeDate": int(time.time()) + 90 * 86400,
            "id": f"{url}/secrets/{name}/{uuid.uuid4().hex}",
            "attributes": _attributes(),
        }

    def _error(self, status: int, code: str, message: str) -> None:
        self._answer(status, {"error": {"code": code, "message": message}})

    def _answer(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _token(audience: str) -> str:
    """Return a token as others read it: Azurite looks at who made it for whom and until when, not at its signature."""
    now = int(time.time())
    claims = {"aud": audience, "iss": f"https://sts.windows.net/{TENANT}/", "iat": now, "nbf": now, "exp": now + 3600}
    claims |= {"oid": CLIENT, "tid": TENANT, "ver": "1.0", "jti": uuid.uuid4().hex}
    parts = (json.dumps({"alg": "none", "typ": "JWT"}), json.dumps(claims), "unsigned")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def _attributes() -> dict[str, object]:
    now = int(time.time())
    return {"enabled": True, "created": now, "updated": now, "recoveryLevel": "Recoverable+Purgeable"}
