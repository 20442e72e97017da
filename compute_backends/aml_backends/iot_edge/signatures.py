"""Shared access signatures of IoT Hub.

Source: learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from typing import Any
from urllib.parse import quote_plus

from azure.core.pipeline import PipelineRequest  # noqa: TID253  a leaf: imported when a hub is first asked
from azure.core.pipeline.policies import SansIOHTTPPolicy  # noqa: TID253  as above

from aml_plugins.errors import InvalidInputError

__all__ = ["SignaturePolicy", "signed"]

_SECONDS = 3600
_MARGIN = 300


class SignaturePolicy(SansIOHTTPPolicy[Any, Any]):
    """Signs requests; a signature serves for an hour.

    :param key: of the shared access policy, as the portal shows it.
    :raises InvalidInputError: for a key that is none.
    """

    def __init__(self, hub: str, policy: str, key: str) -> None:
        super().__init__()
        self._hub, self._policy = hub, policy
        try:
            self._key = base64.b64decode(key, validate=True)
        except binascii.Error:
            raise InvalidInputError(
                f"The key of the policy '{policy}' is not what IoT Hub gives out: it is not base64.",
                "Copy its primary key: az iot hub policy show",
            ) from None
        self._expiry, self._token = 0, ""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Put a signature on a request."""
        now = int(time.time())
        if self._expiry - now < _MARGIN:
            self._expiry = now + _SECONDS
            self._token = signed(self._hub, self._policy, self._key, self._expiry)
        request.http_request.headers["Authorization"] = self._token


def signed(hub: str, policy: str, key: bytes, expiry: int) -> str:
    """Return a signature for a hub.

    :param expiry: seconds since 1970.
    """
    resource = quote_plus(hub)
    digest = hmac.new(key, f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={quote_plus(policy)}"
