"""Microsoft Entra's token endpoint, as much of it as azure-identity needs, and what leads there."""

from __future__ import annotations

from urllib.parse import parse_qs

from aml_plugins.testing.azure_emulator.cloud import PATH, cloud_facts
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings
from aml_plugins.testing.azure_emulator.tokens import SECONDS, new_token

__all__ = ["Login"]


class Login:
    """Gives a token to everybody who asks properly."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def answer(self, request: Request) -> Answer:
        """Answer discovery and token requests."""
        if request.verb == "GET" and request.path == PATH:
            return Answer(200, cloud_facts(request.base))
        tenant, _, rest = request.path.strip("/").partition("/")
        if request.verb == "GET" and rest.endswith(".well-known/openid-configuration"):
            return Answer(200, self._configuration(request.base, tenant))
        if request.verb == "POST" and rest in {"oauth2/v2.0/token", "oauth2/token"}:
            return self._token(request)
        return Answer(404, {"error": {"code": "ResourceNotFound", "message": "The emulator has nothing here."}})

    def _configuration(self, base: str, tenant: str) -> dict[str, object]:
        return {
            "token_endpoint": f"{base}/{tenant}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/{tenant}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/{tenant}/discovery/v2.0/keys",
            "issuer": f"{base}/{tenant}/v2.0",
            "tenant_region_scope": None,
        }

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.content.decode("utf-8", "replace")).items()}
        scope = form.get("scope", "").split()
        audience = form.get("resource") or (scope[0].removesuffix("/.default") if scope else "")
        if not audience or not form.get("grant_type"):
            return Answer(400, {"error": "invalid_request", "error_description": "AADSTS900144: scope is missing."})
        token = new_token(self._settings, audience.rstrip("/"))
        return Answer(
            200, {"token_type": "Bearer", "expires_in": SECONDS, "ext_expires_in": SECONDS, "access_token": token}
        )
