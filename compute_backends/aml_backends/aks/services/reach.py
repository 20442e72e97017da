"""Whether a front's address answers yet: nodes hear of a ready pod a moment after it is ready."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

__all__ = ["still_refuses"]

_HEARD_SECONDS = 15.0
"""An address that refuses for longer does so for a reason of its own, such as a firewall in between: it is believed."""
_CONNECT_SECONDS = 1.0
_PORTS = {"http": 80, "https": 443}


def still_refuses(endpoint: str, pods: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether callers are refused because the nodes have not heard of the front's newest pod.

    An address that cannot be reached from here, or not be resolved, may well be one for callers elsewhere.
    """
    if abs(time.time() - max(map(_ready_since, pods), default=0.0)) > _HEARD_SECONDS:
        return False
    address = urlsplit(endpoint)
    port = address.port or _PORTS[address.scheme]
    try:
        socket.create_connection((address.hostname or "", port), timeout=_CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _ready_since(pod: Mapping[str, Any]) -> float:
    for condition in pod["status"].get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True" and condition.get("lastTransitionTime"):
            return _seconds(condition["lastTransitionTime"])
    return 0.0


def _seconds(moment: str | datetime) -> float:
    return (moment if isinstance(moment, datetime) else datetime.fromisoformat(moment)).timestamp()
