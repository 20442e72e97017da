"""Bearer tokens: as the login endpoint gives them, and as the services look at them."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["is_token", "new_token"]

SECONDS = 3600


def new_token(settings: Settings, audience: str) -> str:
    """Return a token for an audience. It is not signed: the emulator has no secrets to protect."""
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{settings.tenant}/",
        "iat": now,
        "nbf": now,
        "exp": now + SECONDS,
        "tid": settings.tenant,
        "oid": "00000000-0000-0000-0000-000000000003",
        "ver": "1.0",
    }
    return ".".join((_coded({"alg": "none", "typ": "JWT"}), _coded(claims), "emulator"))


def is_token(token: str, audience: str) -> bool:
    """Say whether a token is for this audience and has not expired. Anybody's is taken."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["aud"]).rstrip("/") == audience and float(claims["exp"]) > time.time()
    except (IndexError, ValueError, KeyError, TypeError):
        return False


def _coded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
