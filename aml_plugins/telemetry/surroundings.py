"""In whose store an observed event happened: hooks get records alone, and the exporter is a workspace's setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["observed_in", "observing"]

_CONTEXT: ContextVar[Context | None] = ContextVar("aml_observed_context", default=None)


@contextmanager
def observing(context: Context) -> Iterator[None]:
    """Say for the block that what observers are told of happened in this context's store."""
    token = _CONTEXT.set(context)
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def observed_in() -> Context | None:
    """Return the context of the events that observers are told of now."""
    return _CONTEXT.get()
