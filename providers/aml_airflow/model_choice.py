"""Which version of a model is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aml_plugins import Model

__all__ = ["ModelChoice"]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A version by number, alias and tags; what is None or empty is no condition."""

    version: str | None
    alias: str | None
    tags: Mapping[str, str]

    def of(self, models: Iterable[Model]) -> Model | None:
        """Return the first version that is as it is wanted; they come newest first."""
        return next((model for model in models if self._fits(model)), None)

    def _fits(self, model: Model) -> bool:
        if self.version is not None and str(self.version) != model.version:
            return False
        if self.alias is not None and self.alias not in model.aliases:
            return False
        return all(model.tags.get(name) == value for name, value in self.tags.items())
