"""Sign webhook messages as standardwebhooks.com describes; its libraries verify them in any language."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

__all__ = ["signature"]

_ENCODED = "whsec_"


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return ``v1,BASE64`` of the HMAC-SHA256 over id, timestamp and body.

    :param secret: ``whsec_`` and the key in base64, or any text, which is the key as it stands.
    """
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(_ENCODED):
        try:
            return base64.b64decode(secret.removeprefix(_ENCODED), validate=True)
        except (binascii.Error, ValueError):
            pass  # then it is a text that only looks encoded
    return secret.encode()
