"""Names of container groups, resolved as Azure's name servers would: from what the groups themselves tell."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aml_backends.aci.backend import AciBackend

__all__ = ["named_for_children", "resolved"]

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


@contextmanager
def named_for_children(target: str, directory: Path) -> Iterator[dict[str, str]]:
    """Have Python processes find the groups of a target by their names; yield the variables for them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Names, target))
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(_IN_CHILDREN.format(port=server.server_port, domain=DOMAIN))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {"PYTHONPATH": str(directory)}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_IN_CHILDREN = """
import socket, urllib.request

plain = socket.getaddrinfo


def look_up(host, *arguments, **named):
    if isinstance(host, str) and host.endswith("{domain}"):
        host = urllib.request.urlopen("http://127.0.0.1:{port}/" + host).read().decode()
    return plain(host, *arguments, **named)


socket.getaddrinfo = look_up
"""


class _Names(BaseHTTPRequestHandler):
    def __init__(self, target: str, *arguments: Any) -> None:
        self._target = target
        super().__init__(*arguments)

    def do_GET(self) -> None:
        from aml_plugins import Workspace

        workspace = Workspace.get()
        found = _addresses(workspace, self._target).get(self.path.lstrip("/"), "")
        workspace.close()
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(found.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""
