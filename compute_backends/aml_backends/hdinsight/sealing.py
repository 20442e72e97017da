"""Sealed variables: they travel through storage that others may read, their key through the job's arguments.

Livy has no way to hand a secret to a job: its ``conf`` shows in process lists and in Spark's pages. So the script's
variables lie sealed in the staging directory until the agent has read them, and the key is the agent's argument.
Neither is worth anything alone. A key is used once, which makes a keyed stream (SHAKE-256, FIPS 202) and an HMAC over
what was sealed sufficient; the agent has nothing but the standard library to open it with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping

__all__ = ["seal", "sealed_name"]

KEY_BYTES = 32


def seal(variables: Mapping[str, str]) -> tuple[str, bytes]:
    """Return a fresh key, in hexadecimal digits, and the variables sealed with it."""
    key = secrets.token_bytes(KEY_BYTES)
    plain = json.dumps(dict(variables)).encode()
    stream = hashlib.shake_256(b"stream" + key).digest(len(plain))
    body = bytes(a ^ b for a, b in zip(plain, stream, strict=True))
    return key.hex(), hmac.digest(key, body, "sha256") + body


def sealed_name(key: str) -> str:
    """Return the name of the file that this key opens; it says nothing about the key."""
    return f"variables-{hashlib.sha256(b'name' + bytes.fromhex(key)).hexdigest()[:16]}"
