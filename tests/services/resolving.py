"""Names of container groups, resolved as Azure's name servers would: from what the groups themselves tell."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aml_backends.aci.backend import AciBackend

__all__ = ["resolved"]

DOMAIN = ".azurecontainer.io"


@contextmanager
def resolved(workspace: Any, target: str) -> Iterator[None]:
    """Have this process find the groups of a target by their names."""
    plain = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        if isinstance(host, str) and host.endswith(DOMAIN):
            host = _addresses(workspace, target)[host]
        return plain(host, *arguments, **named)

    socket.getaddrinfo = look_up
    try:
        yield
    finally:
        socket.getaddrinfo = plain


def _addresses(workspace: Any, target: str) -> dict[str, str]:
    backend = workspace.context.backends.get(workspace.name, target)
    assert isinstance(backend, AciBackend)
    found = (group["properties"].get("ipAddress") or {} for group in backend.api.list_groups())
    return {address["fqdn"]: address["ip"] for address in found if address.get("ip") and address.get("fqdn")}
