"""Sign webhook messages as standardwebhooks.com describes; its libraries verify them in any language."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from aml_plugins.errors import InvalidInputError

__all__ = ["signature", "signing_key"]

_ENCODED = "whsec_"


def signing_key(secret: str) -> bytes:
    """Return the key that a secret means: ``whsec_`` and base64, or any text, which is the key as it stands.

    :raises InvalidInputError: where what follows ``whsec_`` is no base64.
    """
    if not secret.startswith(_ENCODED):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInputError(
            "The webhook's secret begins with 'whsec_', and what follows is no base64.",
            "Copy it again from the receiver's settings.",
        ) from None


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Return ``v1,BASE64`` of the HMAC-SHA256 over id, timestamp and body."""
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
