"""Ask a scoring server whether it can answer."""

from __future__ import annotations

import http.client

__all__ = ["is_ready", "read_probe"]

_SECONDS = 2.0
_MOST_BYTES = 1 << 20


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


def read_probe(port: int, path: str) -> str | None:
    """Return what the server on a port of this machine says there; None where it says nothing, or far too much."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(_MOST_BYTES + 1)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    is_fine = answer.status == 200 and len(body) <= _MOST_BYTES  # noqa: PLR2004  as HTTP has it
    return body.decode("utf-8", "replace") if is_fine else None
