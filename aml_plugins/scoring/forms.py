"""Forms that come as a request's body, for environments without Flask."""

from __future__ import annotations

import shutil
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from .incoming import mime_type
from .plain_mappings import PlainMultiDict

__all__ = ["PlainFile", "read_form"]


class PlainFile:
    """An uploaded file: ``filename``, ``read()``, ``stream``, ``save()``."""

    def __init__(self, name: str, filename: str, content_type: str, content: bytes) -> None:
        self.name = name
        self.filename = filename
        self.content_type = content_type
        self.mimetype = mime_type(content_type)
        self.stream = BytesIO(content)

    def save(self, target: str | BinaryIO) -> None:
        if isinstance(target, str):
            with open(target, "wb") as file:
                shutil.copyfileobj(self.stream, file)
        else:
            shutil.copyfileobj(self.stream, target)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)  # a file: read, seek, close …

    def __iter__(self) -> Any:
        return iter(self.stream)


def read_form(content_type: str, body: bytes) -> tuple[PlainMultiDict, PlainMultiDict]:
    """Return the fields and the files of a form; neither for what is no form or a broken one."""
    kind = mime_type(content_type)
    if kind == "application/x-www-form-urlencoded":
        return PlainMultiDict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)), PlainMultiDict()
    if kind == "multipart/form-data":
        return _multipart(content_type, body)
    return PlainMultiDict(), PlainMultiDict()


def _multipart(content_type: str, body: bytes) -> tuple[PlainMultiDict, PlainMultiDict]:
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode("latin-1")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    fields: list[tuple[str, Any]] = []
    files: list[tuple[str, Any]] = []
    whole = message.is_multipart() and not message.defects
    for part in message.iter_parts() if whole else ():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        filename = part.get_filename()
        content = _content(part)
        if filename is None:
            fields.append((name, content.decode("utf-8", "replace")))
        else:
            files.append((name, PlainFile(name, filename, str(part.get("content-type", "")), content)))
    return PlainMultiDict(fields), PlainMultiDict(files)


def _content(part: Message[str, str]) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""
