"""Shared access signatures, as IoT Hub looks at them.

Source: learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas: HMAC-SHA256 over the encoded resource and the
expiry, a line each, by the decoded key of the policy ``skn``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, quote_plus

__all__ = ["is_signed"]

_SCHEME = "SharedAccessSignature "


def is_signed(given: str, host: str, key: str, now: float) -> bool:
    """Say whether a header has a valid signature for this host. Policies are of any name."""
    fields = {name: values[0] for name, values in parse_qs(given.removeprefix(_SCHEME)).items()}
    try:
        resource, expiry, signature = fields["sr"], int(fields["se"]), fields["sig"]
    except (KeyError, ValueError):
        return False
    if not given.startswith(_SCHEME) or "skn" not in fields or expiry < now or resource.lower() != host.lower():
        return False
    signed = f"{quote_plus(resource)}\n{expiry}".encode()
    wanted = base64.b64encode(hmac.new(base64.b64decode(key), signed, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(wanted, signature)
