"""A request with the attributes of Flask's that scripts use, for environments without Flask."""

from __future__ import annotations

import json
from functools import cached_property
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from .forms import read_form
from .incoming import Incoming, mime_type
from .inputs import is_form
from .plain_errors import BadRequest, UnsupportedMediaType
from .plain_mappings import PlainHeaders, PlainMultiDict

__all__ = ["PlainRequest"]


class PlainRequest:
    """What ``run()`` gets under ``@rawhttp``."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._cached: bytes | None = None
        self._is_consumed = False
        self.method = incoming.method
        self.path = incoming.path
        self.query_string = incoming.query
        self.headers = PlainHeaders(incoming.named_headers())
        self.content_type: str | None = self.headers.get("Content-Type")
        self.mimetype = mime_type(self.content_type)
        self.content_length = int(self.headers.get("Content-Length") or 0) or None
        self.is_json = self.mimetype == "application/json" or (
            self.mimetype.startswith("application/") and self.mimetype.endswith("+json")
        )

    def __repr__(self) -> str:
        return f"<Request {self.url!r} [{self.method}]>"

    def get_data(
        self,
        cache: bool = True,
        as_text: bool = False,
        parse_form_data: bool = False,
    ) -> bytes | str:
        body = self._cached
        if body is None:
            if parse_form_data:
                _ = self._form
            body = b"" if self._is_consumed else self._incoming.body
            self._cached, self._is_consumed = (body, self._is_consumed) if cache else (None, True)
        return body.decode("utf-8", "replace") if as_text else body

    @property
    def data(self) -> bytes:
        body = self.get_data(parse_form_data=True)
        return body if isinstance(body, bytes) else body.encode()

    @cached_property
    def stream(self) -> BytesIO:
        return BytesIO(b"" if self._is_consumed else self._incoming.body)

    @cached_property
    def args(self) -> PlainMultiDict:
        return PlainMultiDict(parse_qsl(self.query_string.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def _form(self) -> tuple[PlainMultiDict, PlainMultiDict]:
        kind = self.content_type or ""
        # A form's fields are what is left of its body, unless the body was asked for first (Flask's rule).
        self._is_consumed = is_form(kind) and self._cached is None
        return read_form(kind, self._incoming.body)

    @property
    def form(self) -> PlainMultiDict:
        return self._form[0]

    @property
    def files(self) -> PlainMultiDict:
        return self._form[1]

    @cached_property
    def values(self) -> PlainMultiDict:
        return PlainMultiDict([*self.args.items(), *self.form.items()])

    @cached_property
    def cookies(self) -> dict[str, str]:
        pairs = (part.partition("=") for part in (self.headers.get("Cookie") or "").split(";"))
        return {name.strip(): value.strip() for name, separator, value in pairs if separator}

    def get_json(
        self,
        force: bool = False,
        silent: bool = False,
        cache: bool = True,
    ) -> Any:
        del cache
        if not (force or self.is_json):
            if silent:
                return None
            raise UnsupportedMediaType
        try:
            return json.loads(self._incoming.body)
        except ValueError as error:
            if silent:
                return None
            raise BadRequest from error

    @property
    def json(self) -> Any:
        return self.get_json()

    @property
    def full_path(self) -> str:
        return f"{self.path}?{self.query_string.decode('latin-1')}"

    @property
    def scheme(self) -> str:
        return str(self._incoming.scope.get("scheme", "http"))

    @property
    def host(self) -> str:
        return str(self.headers.get("Host") or "")

    @property
    def remote_addr(self) -> str | None:
        client = self._incoming.scope.get("client")
        return client[0] if client else None

    @property
    def host_url(self) -> str:
        return f"{self.scheme}://{self.host}/"

    @property
    def url_root(self) -> str:
        return self.host_url

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def referrer(self) -> str | None:
        found = self.headers.get("Referer")
        return None if found is None else str(found)

    @cached_property
    def environ(self) -> dict[str, Any]:
        from .raw_http import environment_of

        return environment_of(self._incoming)

    @property
    def base_url(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"

    @property
    def url(self) -> str:
        query = self.query_string.decode("latin-1")
        return f"{self.base_url}?{query}" if query else self.base_url
