"""Call a service over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aml_plugins.errors import OperationFailedError, TransientBackendError

__all__ = ["call_service"]

_GOOD = 400


def call_service(name: str, url: str, data: Any, *, key: str | None, headers: Mapping[str, str] | None = None) -> Any:
    """Send one request; return the answer, decoded where it is JSON.

    :param name: of the service, for what is advised.
    :raises OperationFailedError: where the service answers with an error.
    :raises TransientBackendError: where it cannot be reached.
    """
    import urllib3  # noqa: PLC0415  only who calls needs it

    body = data if isinstance(data, (bytes, str)) else json.dumps(data)
    sent = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {key}"} if key else {}),
        **(headers or {}),
    }
    try:
        answer = urllib3.request("POST", url, body=body, headers=sent, retries=False, timeout=3600)
    except urllib3.exceptions.HTTPError as error:
        raise TransientBackendError(
            f"The service at {url} cannot be reached: {type(error).__name__}.", f"See: aml service show {name}"
        ) from error
    value = _decoded(answer.data, str(answer.headers.get("Content-Type", "")))
    if answer.status >= _GOOD:
        message = value.get("message") if isinstance(value, dict) else value
        raise OperationFailedError(
            f"The service answered with {answer.status}: {message}", f"See: aml service logs {name}"
        )
    return value


def _decoded(body: bytes, kind: str) -> Any:
    if not kind.startswith("application/json"):
        return body.decode("utf-8", "replace") if kind.startswith("text/") else body
    try:
        return json.loads(body)
    except ValueError:
        return body
