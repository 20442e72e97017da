"""Speak with a front: ask it what it does, tell it where requests shall go."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from aml_backends.aci.services.groups import CONTROL_PORT

__all__ = ["answers", "digests_of", "inner_key", "tell"]

_SECONDS = 5.0
_OK = 200
_ATTEMPTS = 3


def tell(address: str, wanted: Mapping[str, Any], secret: str, *, is_tls: bool) -> dict[str, Any] | None:
    """Have a front do what is wanted; return its state once it does, None while it does not.

    The message is signed and holds digests of keys only; it may be read on its way, and not be changed.

    :param wanted: ``routes``, ``keys`` (see :func:`digests_of`), or both.
    """
    base = f"{'https' if is_tls else 'http'}://{address}:{CONTROL_PORT}"
    for _ in range(_ATTEMPTS):
        state = _ask("GET", f"{base}/state")
        if state is None or all(state["digests"][part] == _digest(value) for part, value in wanted.items()):
            return state
        body = json.dumps({"version": max(0, int(state["version"])) + 1, **wanted}).encode()
        signature = hmac.new(secret.encode(), b"routes " + body, "sha256").hexdigest()
        _ask("POST", f"{base}/routes", body, {"x-aml-signature": signature})
    return None


def digests_of(keys: Sequence[str] | None) -> list[str] | None:
    """Return what a front knows of keys; None: anybody may call."""
    return None if keys is None else [hashlib.sha256(key.encode()).hexdigest() for key in keys]


def answers(address: str, port: int, path: str) -> bool:
    """Say whether a server answers there with 200."""
    import urllib3  # noqa: PLC0415  where services are looked at

    with suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"http://{address}:{port}{path}", retries=False, timeout=_SECONDS).status == _OK
    return False


def inner_key(secret: str, deployment: str) -> str:
    """Return the key that a version wants from its front, as the front itself makes it."""
    return hmac.new(secret.encode(), f"deployment {deployment}".encode(), "sha256").hexdigest()


def _ask(
    method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    import urllib3  # noqa: PLC0415  as above

    # The certificate is for callers' name of the service, not for this address; what counts here is the signature.
    pool = urllib3.PoolManager(cert_reqs="CERT_NONE", assert_hostname=False)
    with suppress(urllib3.exceptions.HTTPError, ValueError):
        answer = pool.request(method, url, body=body, headers=headers, retries=False, timeout=_SECONDS)
        if answer.status == _OK:
            found: dict[str, Any] = json.loads(answer.data)
            return found
    return None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
