"""``/oauth2/exchange`` and ``/oauth2/token``: as Microsoft's specification of the data plane (2021-07-01) has them."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings
from aml_plugins.testing.azure_emulator.tokens import is_token

__all__ = ["RegistryTokens", "refused"]

_AUDIENCES = (
    "https://containerregistry.azure.net",
    "https://management.azure.com",
    "https://management.core.windows.net",
)
# What the service was documented to give: three hours, and 75 minutes.
_REFRESH_SECONDS, _ACCESS_SECONDS = 10_800, 4_500


@dataclass(frozen=True, slots=True)
class _Given:
    scope: str
    service: str
    until: float


class RegistryTokens:
    """Remembers what it gave, so that nothing else is taken for a token."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._refresh: dict[str, _Given] = {}
        self._access: dict[str, _Given] = {}

    def exchange(self, request: Request, host: str) -> Answer:
        """Give a refresh token for one of Microsoft Entra."""
        form = _form(request)
        if request.verb != "POST" or form.get("grant_type") not in {"access_token", "access_token_refresh_token"}:
            return refused(400, "UNSUPPORTED", "grant_type must be access_token")
        if form.get("service") != host:
            return refused(400, "UNSUPPORTED", "service is not this registry")
        if not any(is_token(form.get("access_token", ""), audience) for audience in _AUDIENCES):
            return _unauthorized()
        token = secrets.token_urlsafe(48)
        self._refresh[token] = _Given("", host, time.time() + _REFRESH_SECONDS)
        return Answer(200, {"refresh_token": token})

    def token(self, request: Request, host: str) -> Answer:
        """Give an access token: for a refresh token, or for the admin user's password."""
        form = _form(request) if request.verb == "POST" else _query(request)
        if form.get("service") != host:
            return refused(400, "UNSUPPORTED", "service is not this registry")
        if not self._may(request, form, host):
            return _unauthorized()
        token = secrets.token_urlsafe(48)
        self._access[token] = _Given(form.get("scope", ""), host, time.time() + _ACCESS_SECONDS)
        return Answer(200, {"access_token": token})

    def allows(self, authorization: str, repository: str, action: str) -> bool:
        """Say whether an ``Authorization`` header lets in: a token for the repository, or the admin user."""
        if authorization.startswith("Basic "):
            return self._is_admin(authorization)
        given = self._access.get(authorization.removeprefix("Bearer "))
        if given is None or given.until < time.time():
            return False
        if not repository:
            return True
        return any(_covers(scope, repository, action) for scope in given.scope.split(" "))

    def _may(self, request: Request, form: Mapping[str, str], host: str) -> bool:
        kind = form.get("grant_type", "")
        if request.verb == "POST" and kind == "refresh_token":
            given = self._refresh.get(form.get("refresh_token", ""))
            return given is not None and given.service == host and given.until > time.time()
        if request.verb == "POST" and kind == "password":
            return (form.get("username"), form.get("password")) == self._settings.registry_admin
        return request.verb == "GET" and self._is_admin(request.headers.get("authorization", ""))

    def _is_admin(self, authorization: str) -> bool:
        try:
            user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return (user, password) == self._settings.registry_admin


def refused(status: int, code: str, message: str) -> Answer:
    """Return an error in the registry's words."""
    return Answer(status, {"errors": [{"code": code, "message": message, "detail": None}]})


def _unauthorized() -> Answer:
    words = "authentication required, visit https://aka.ms/acr/authorization for more information."
    return refused(401, "UNAUTHORIZED", words)


def _covers(scope: str, repository: str, action: str) -> bool:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return kind == "repository" and name == repository and bool({action, "*"} & set(actions.split(",")))


def _query(request: Request) -> dict[str, str]:
    """Return the query; an engine that takes a layer from another repository asks for two scopes."""
    scopes = [value for name, value in request.pairs if name == "scope"]
    return {**request.query, "scope": " ".join(scopes)}


def _form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.content.decode("utf-8", "replace")).items()}
