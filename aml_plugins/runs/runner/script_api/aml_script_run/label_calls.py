"""Tags, properties, display name and description of a run."""

from __future__ import annotations

from typing import Any

from .base import RunBase
from .errors import UserErrorException
from .values import labels


class LabelCalls(RunBase):
    """Small texts of a run."""

    def tag(self, key: str, value: Any = None) -> None:
        """Set one tag."""
        self.set_tags({key: value})

    def set_tags(self, tags: Any) -> None:
        """Set tags; those not named stay as they are."""
        if isinstance(tags, str):
            tags = {tags: None}
        if tags:
            self._record("tags", set=labels(tags))

    @property
    def tags(self) -> dict[str, str | None]:
        """Return the tags set so far."""
        return self.get_tags()

    def get_tags(self) -> dict[str, str | None]:
        """Return the tags set so far."""
        return dict(self._facts().tags)

    def remove_tags(self, tags: Any) -> None:
        """Take tags off."""
        names = [tags] if isinstance(tags, str) else [str(name) for name in tags]
        self._record("untag", names=names)

    def add_properties(self, properties: dict[str, Any]) -> None:
        """Add properties; one that exists cannot be changed."""
        if not properties:
            return
        new, known = labels(properties), self._facts().properties
        for name, value in new.items():
            if name in known and known[name] != value:
                raise UserErrorException(f"The property '{name}' is set, and properties cannot be changed.")
        self._record("properties", set=new)

    @property
    def properties(self) -> dict[str, str | None]:
        """Return the properties added so far."""
        return self.get_properties()

    def get_properties(self) -> dict[str, str | None]:
        """Return the properties added so far."""
        return dict(self._facts().properties)

    @property
    def name(self) -> str | None:
        """Return the run's name."""
        return self._facts().name

    @property
    def display_name(self) -> str | None:
        """Return the run's name; it can be set."""
        return self._facts().name

    @display_name.setter
    def display_name(self, display_name: str) -> None:
        self._record("display", name=str(display_name))

    @property
    def description(self) -> str | None:
        """Return the run's description; it can be set."""
        return self._facts().description

    @description.setter
    def description(self, description: str) -> None:
        self._record("display", description=str(description))
