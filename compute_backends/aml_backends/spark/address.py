"""The address of a Spark Connect server, as a script's session reads it.

``sc://HOST:PORT/;NAME=VALUE;…``, as Spark's ``sql/connect/docs/client-connection-string.md`` describes it.
"""

from __future__ import annotations

import getpass
import re
import uuid
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlsplit

__all__ = ["PATTERN", "check_address", "endpoint", "for_job", "parameters", "with_token"]

PATTERN = r"^sc://[^/;@\s]+(/(;[^;=\s]+=[^;=\s]*)*)?$"
_PORT = 15002
_OURS = {
    "token": "must not hold a token: set the target's 'token' to a reference such as secret://env/SPARK_TOKEN",
    "session_id": "must not hold a session_id: every run has a session of its own",
}


def check_address(value: str) -> str:
    """Return an address that settings and run configurations may hold.

    :raises ValueError: where it is none, or says what is not theirs to say.
    """
    if not re.fullmatch(PATTERN, value):
        raise ValueError("must be such as sc://HOST:PORT or sc://HOST:PORT/;use_ssl=true")
    for name, sentence in _OURS.items():
        if name in parameters(value):
            raise ValueError(sentence)
    try:
        endpoint(value)
    except ValueError:
        raise ValueError("must be such as sc://HOST:PORT, with a number as the port") from None
    return value


def for_job(address: str, key: str) -> str:
    """Return the address with a session that only the job of this submission key has: who knows the key can end it."""
    session = uuid.uuid5(uuid.NAMESPACE_URL, f"aml:{key}")
    user = "" if "user_id" in parameters(address) else f";user_id={quote(_user(), safe='')}"
    return f"{_with_path(address)}{user};session_id={session}"


def with_token(address: str, token: str | None) -> str:
    """Return the address as a script needs it; it is a secret then."""
    return f"{_with_path(address)};token={quote(token, safe='')}" if token else address


def endpoint(address: str) -> tuple[str, int]:
    """Return host and port."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or _PORT


def parameters(address: str) -> Mapping[str, str]:
    """Return what stands after the host."""
    pairs = (pair.partition("=") for pair in address.partition(";")[2].split(";") if pair)
    return {name: unquote(value) for name, _, value in pairs}


def _with_path(address: str) -> str:
    return address if "/" in address.removeprefix("sc://") else f"{address}/"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "aml"
