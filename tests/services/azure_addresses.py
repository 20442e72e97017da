"""Azure's public addresses, for clients that know no others: a proxy that leads them to the emulator."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_WR, create_connection, socket
from typing import ClassVar
from urllib.parse import urlsplit

from aml_plugins.testing.azure_emulator import AzureEmulator

__all__ = ["proxied"]

_HOSTS = ("management.azure.com:443", "login.microsoftonline.com:443")


class _Tunnel(socketserver.StreamRequestHandler):
    """One ``CONNECT``; any other address is refused."""

    port: ClassVar[int]

    def handle(self) -> None:
        asked = self.rfile.readline().split()
        while self.rfile.readline().strip():
            pass
        if len(asked) < 2 or asked[0] != b"CONNECT" or asked[1].decode() not in _HOSTS:
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        with create_connection(("127.0.0.1", self.port)) as far:
            back = threading.Thread(target=_pump, args=(far, self.connection))
            back.start()
            _pump(self.connection, far)
            back.join()


def _pump(source: socket, target: socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(SHUT_WR)


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def proxied(emulator: AzureEmulator) -> Iterator[str]:
    """Listen on loopback for as long as this lasts; yields what goes into ``HTTPS_PROXY``."""
    tunnel = type("_TunnelOfOne", (_Tunnel,), {"port": urlsplit(emulator.https_url).port})
    with _Proxy(("127.0.0.1", 0), tunnel) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
        proxy.shutdown()
        thread.join()
