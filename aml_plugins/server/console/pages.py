"""The page itself: one document for every path, and its files under a name that changes with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response

from aml_plugins.errors import NotFoundError
from aml_plugins.server.console.headers import PAGE
from aml_plugins.server.guarding import GuardedRoute
from aml_plugins.server.serving import server_of
from aml_plugins.server.settings import API_PREFIX, CONSOLE_PREFIX

__all__ = ["Assets", "assets", "router"]

router = APIRouter(route_class=GuardedRoute, include_in_schema=False)

_ROOT = Path(__file__).parent / "assets"
_DOCUMENT = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_STAMP = 12
_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Assets:
    """The page's files, read once: a path from outside is looked up here and nowhere else.

    :param stamp: a hash of them all, part of their address.
    """

    files: Mapping[str, bytes]
    stamp: str


@cache
def assets() -> Assets:
    """Return the files that came with this version."""
    files = {
        path.relative_to(_ROOT).as_posix(): path.read_bytes()
        for path in sorted(_ROOT.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return Assets(files, digest.hexdigest()[:_STAMP])


@router.get("/assets/{stamp}/{path:path}", name="console_asset")
def asset(stamp: str, path: str) -> Response:
    """Return one of the page's files."""
    found = assets()
    if path not in found.files or path == _DOCUMENT:
        raise NotFoundError("The console has no such file.", "Load the page again.")
    caching = _FOR_EVER if stamp == found.stamp else {"Cache-Control": "no-store"}
    return Response(found.files[path], media_type=_TYPES[Path(path).suffix], headers={**PAGE, **caching})


@router.get("", name="console_page")
@router.get("/", name="console_page")
@router.get("/{path:path}", name="console_page")
def page(request: Request, path: str = "") -> Response:
    """Return the document; what it shows is told by the address, which the browser reads."""
    del path
    prefix = server_of(request).settings.static_prefix
    found = assets()
    places = {
        "base": f"{prefix}{CONSOLE_PREFIX}",
        "api": f"{prefix}{API_PREFIX}/console",
        "mlflow": f"{prefix}/",
        "assets": f"{prefix}{CONSOLE_PREFIX}/assets/{found.stamp}",
    }
    text = found.files[_DOCUMENT].decode()
    for name, place in places.items():
        text = text.replace(f"{{{{{name}}}}}", escape(place))
    text = text.replace("{{modules}}", _modules(places["assets"]))
    return Response(text, media_type=_TYPES[".html"], headers={**PAGE, "Cache-Control": "no-cache"})


def _modules(place: str) -> str:
    """Name all modules at once: a browser would find one behind the other."""
    names = [name for name in assets().files if name.endswith(".js") and name != "js/theme.js"]
    return "\n  ".join(f'<link rel="modulepreload" href="{escape(place)}/{name}">' for name in names)
