"""HTTP that goes only where it may: the address is looked at once it is connected, so no name can change in between."""

from __future__ import annotations

import ipaddress
import os
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import IO, TYPE_CHECKING, Any
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

if TYPE_CHECKING:
    import socket
    from email.message import Message

__all__ = ["PRIVATE", "ForbiddenAddressError", "NoRedirect", "careful_opener"]

PRIVATE = "AML_WEBHOOK_PRIVATE"


class ForbiddenAddressError(OSError):
    """A name led to an address that nothing is sent to."""


class NoRedirect(HTTPRedirectHandler):
    """A redirect is an answer like others: urllib would turn the POST into a GET elsewhere."""

    def redirect_request(  # noqa: PLR0917  the signature is urllib's
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        del req, fp, code, msg, headers, newurl


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _check(self.sock)


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _check(self.sock)


class _Http(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(HTTPConnection if _is_proxied(req) else _Connection, req)


class _Https(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(HTTPSConnection if _is_proxied(req) else _SecureConnection, req)


def careful_opener() -> OpenerDirector:
    """Return what sends to public addresses only, and follows no redirect.

    Private and loopback addresses are allowed where ``AML_WEBHOOK_PRIVATE`` is 1 in this process, link-local ones
    (clouds keep their machines' credentials there) never. Where the environment names a proxy, the proxy decides.
    """
    return build_opener(NoRedirect, _Http, _Https)


def _is_proxied(request: Request) -> bool:
    return request.has_proxy() or getattr(request, "_tunnel_host", None) is not None


def _check(connected: socket.socket | Any) -> None:
    peer = ipaddress.ip_address(connected.getpeername()[0].partition("%")[0])
    address = getattr(peer, "ipv4_mapped", None) or peer
    private = address.is_private or address.is_loopback
    never = address.is_link_local or address.is_multicast or address.is_unspecified
    if never or (private and os.environ.get(PRIVATE) != "1") or (address.is_reserved and not private):
        connected.close()
        raise ForbiddenAddressError(None, "its address is not a public one")
