"""Who we are to a server: from the URI, or from the variables that MLflow's own client reads."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from aml_plugins.errors import InvalidInputError

__all__ = ["Address", "address_of"]

USERNAME, PASSWORD, TOKEN = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and what proves to it who asks.

    :param url: without user, password and trailing slash; may be shown.
    """

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        """Return the header that proves who asks."""
        if self.username:
            pair = f"{self.username}:{self.password}".encode()
            return {"Authorization": f"Basic {b64encode(pair).decode()}"}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def variables(self) -> Mapping[str, str]:
        """Return the environment variables with which plain MLflow proves the same."""
        if self.username:
            return {USERNAME: self.username, PASSWORD: self.password}
        return {TOKEN: self.token} if self.token else {}


def address_of(uri: str) -> Address:
    """Read a server's URI, and the environment where the URI has no user.

    :raises InvalidInputError: for a URI that names no server.
    """
    parts = _parts(uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    url = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"
    if parts.username:
        return Address(url, unquote(parts.username), unquote(parts.password or ""))
    username, password = os.environ.get(USERNAME, ""), os.environ.get(PASSWORD, "")
    if username and password:
        return Address(url, username, password)
    token = os.environ.get(TOKEN, "")
    if not (token.isascii() and token.isprintable()):
        raise InvalidInputError(f"{TOKEN} has characters that no token has.", "Set it anew.")
    return Address(url, token=token)


def _parts(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname or parts.query or parts.fragment:
        raise InvalidInputError("The server's URI cannot be read.", "Write http://HOST:PORT or https://HOST.")
    return parts
