# mypy: allow-untyped-calls
# MLflow is not annotated.
"""Addresses of artifacts."""

from __future__ import annotations

import re

__all__ = ["below"]

_PLAIN = re.compile(r"(/|[a-z][a-z0-9+.-]*://[^/?#]*/)[^?#;]*")
"""An address to which a path is added at its end."""


def below(uri: str, *parts: str) -> str:
    """Return the address of what lies below another, as MLflow writes it."""
    if not _PLAIN.fullmatch(uri):
        from mlflow.utils.uri import append_to_uri_path

        return str(append_to_uri_path(uri, *parts))
    return "/".join((uri.removesuffix("/"), *parts))
