"""Ask a scoring server whether it can answer."""

from __future__ import annotations

import http.client

__all__ = ["is_ready"]

_SECONDS = 2.0


def is_ready(port: int, path: str = "/ready") -> bool:
    """Say whether the server on a port of this machine says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200  # noqa: PLR2004  as HTTP has it
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
