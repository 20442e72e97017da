"""Entity tags: an update says which state of a thing it was made for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from typing import Any

from fastapi import Request

from aml_plugins.errors import PreconditionFailedError

__all__ = ["check_match", "etag", "must_be_new"]

_LENGTH = 32


def etag(record: Any) -> str:
    """Return the tag of a record: its version where it counts writes, else a hash of what it holds."""
    version = getattr(record, "version", None)
    if version is not None:
        return f'"{version}"'
    values = {field.name: getattr(record, field.name) for field in fields(record)}
    text = json.dumps(values, sort_keys=True, default=dict)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]}"'


def check_match(request: Request, current: Any) -> None:
    """Go on where ``If-Match`` is missing, is ``*`` or names the state that is stored.

    :raises PreconditionFailedError: otherwise.
    """
    wanted = request.headers.get("if-match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag(current) not in {tag.strip() for tag in wanted.split(",")}:
        raise PreconditionFailedError("It was changed since you read it.", "Read it again, then change it.")


def must_be_new(request: Request) -> bool:
    """Say whether the request is for something that is not there yet: ``If-None-Match: *``."""
    return request.headers.get("if-none-match", "").strip() == "*"
