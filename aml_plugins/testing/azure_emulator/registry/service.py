"""The registry's HTTP side: tokens are its own, everything below ``/v2`` is done by the registry program behind it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.registry.tokens import RegistryTokens, refused
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["RegistryService"]

_REPOSITORY = re.compile(r"^/v2/(?P<name>.+?)/(?:blobs|manifests|tags)(?:/|$)")
_HOP_BY_HOP = frozenset({"authorization", "connection", "host", "keep-alive", "transfer-encoding", "te", "upgrade"})


class RegistryService:
    """One registry, whatever the name of the host that it is reached by."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = RegistryTokens(settings)

    def knows(self, path: str) -> bool:
        """Say whether a path belongs to the registry."""
        return path in {"/oauth2/exchange", "/oauth2/token"}

    def is_content(self, path: str) -> bool:
        """Say whether a path belongs to the images: what is sent there is of any size."""
        return path == "/v2" or path.startswith("/v2/")

    def answer(self, request: Request) -> Answer:
        """Answer a request for a token."""
        host = request.base.partition("://")[2]
        return (
            self._tokens.exchange(request, host) if request.path.endswith("/exchange") else self._token(request, host)
        )

    async def pass_on(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer a request for content; return the status."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:  # engines send one header "Accept" for each type that they take
            key = name.decode("latin-1").lower()
            headers[key] = f"{headers[key]}, {value.decode('latin-1')}" if key in headers else value.decode("latin-1")
        found = _REPOSITORY.match(scope["path"])
        repository = found["name"] if found else ""
        action = "pull" if scope["method"] in {"GET", "HEAD"} else "push"
        if not self._tokens.allows(headers.get("authorization", ""), repository, action):
            base = f"{scope['scheme']}://{headers.get('host', '')}"
            return await _send(send, self._challenge(base, repository), is_head=scope["method"] == "HEAD")
        if self._settings.registry is None:
            words = "The emulator has no registry program behind it: Settings(registry=...)."
            return await _send(send, refused(503, "UNAVAILABLE", words))
        return await self._proxied(scope, headers, receive, send)

    def _token(self, request: Request, host: str) -> Answer:
        return self._tokens.token(request, host)

    def _challenge(self, base: str, name: str) -> Answer:
        host = base.partition("://")[2]
        scope = f',scope="repository:{name}:pull,push"' if name else ""
        told = f'Bearer realm="{base}/oauth2/token",service="{host}"{scope}'
        answer = refused(401, "UNAUTHORIZED", "authentication required")
        return Answer(401, answer.body, {"WWW-Authenticate": told, "Docker-Distribution-Api-Version": "registry/2.0"})

    async def _proxied(self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send) -> int:
        import httpx  # noqa: PLC0415  of the extra "testing"

        kept = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
        # The program names itself in Location as it was called.
        kept |= {"host": headers.get("host", ""), "x-forwarded-proto": scope["scheme"]}
        query = scope["query_string"].decode("latin-1")
        url = f"http://{self._settings.registry}{scope['raw_path'].decode('latin-1')}{'?' if query else ''}{query}"
        body = _pieces(receive) if scope["method"] in {"POST", "PUT", "PATCH"} else None
        auth = self._settings.registry_login
        async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
            asked = client.build_request(scope["method"], url, headers=kept, content=body)
            answer = await client.send(asked, auth=auth, stream=True)
            raw = [(name, value) for name, value in answer.headers.raw if name.lower() != b"transfer-encoding"]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": raw})
            async for piece in answer.aiter_raw(1 << 20):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            await answer.aclose()
        return answer.status_code


async def _pieces(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("The client hung up.")
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _send(send: Send, answer: Answer, *, is_head: bool = False) -> int:
    content = json.dumps(answer.body).encode()
    headers: dict[str, Any] = {"content-type": "application/json", "content-length": str(len(content))}
    headers |= {name.lower(): value for name, value in answer.headers.items()}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if is_head else content})
    return answer.status
