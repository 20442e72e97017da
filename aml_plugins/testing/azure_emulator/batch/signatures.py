"""Who asks: shared keys and bearer tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence

__all__ = ["is_signed", "string_to_sign"]

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


def string_to_sign(
    verb: str, raw_path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], account: str
) -> str:
    """Return what client and service both sign (Microsoft's "Authenticate requests to the Batch service")."""
    lines = [verb]
    for name in _SIGNED:
        value = headers.get(name, "")
        if name == "content-length" and not value and verb not in {"GET", "HEAD"}:
            value = "0"
        lines.append("" if name == "content-length" and verb in {"GET", "HEAD"} and value == "0" else value)
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("ocp-") and headers[name]]
    lines.append(f"/{account}{raw_path}")
    lines += [f"{name.lower()}:{value}" for name, value in sorted(query, key=lambda pair: pair[0].lower()) if value]
    return "\n".join(lines)


def is_signed(authorization: str, text: str, account: str, key: str) -> bool:
    """Say whether a request carries the account's signature."""
    scheme, _, rest = authorization.partition(" ")
    name, _, given = rest.partition(":")
    if scheme != "SharedKey" or name.lower() != account.lower():
        return False
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest).decode(), given)
