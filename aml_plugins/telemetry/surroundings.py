"""In whose store an observed event happened: hooks get records alone, and the exporter is a workspace's setting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from aml_plugins.store.settings import settings_of

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.json_types import JsonObject

__all__ = ["Surroundings", "observed_in", "observing"]


class Surroundings:
    """A store whose events are told now. Settings of a workspace are asked for once, however many events there are."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._settings: dict[str, JsonObject] = {}

    def settings(self, workspace: str) -> JsonObject:
        """Return the workspace's settings as they were at the first event.

        :raises StoreError: where they cannot be asked for.
        """
        if workspace not in self._settings:
            self._settings[workspace] = settings_of(self.context.store, workspace)
        return self._settings[workspace]


_OBSERVED: ContextVar[Surroundings | None] = ContextVar("aml_observed_in", default=None)


@contextmanager
def observing(context: Context) -> Iterator[Surroundings]:
    """Say for the block that what observers are told of happened in this context's store."""
    surroundings = Surroundings(context)
    token = _OBSERVED.set(surroundings)
    try:
        yield surroundings
    finally:
        _OBSERVED.reset(token)


def observed_in() -> Surroundings | None:
    """Return where the events happened that observers are told of now."""
    return _OBSERVED.get()
