"""Resources with an entity tag."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.batch.text import etag, http_time
from aml_plugins.testing.azure_emulator.exchange import Answer

__all__ = ["Tagged"]


class Tagged:
    """One resource.

    :param path: its id.
    :param asked: what a client gave.
    """

    def __init__(self, path: str, asked: Mapping[str, Any]) -> None:
        parts = path.strip("/").split("/")
        provider = parts.index("providers") + 1
        kinds = [parts[provider], *parts[provider + 1 :: 2]]
        self.body: dict[str, Any] = {"id": path, "name": parts[-1], "type": "/".join(kinds), **asked}
        self.tag = etag()
        self.modified = time.time()

    @property
    def properties(self) -> dict[str, Any]:
        """What the service knows of it."""
        return self.body["properties"]  # type: ignore[no-any-return]  # JSON

    def update(self, changes: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
        """Take a client's changes."""
        self.body |= changes
        self.properties.update(properties)
        self.tag = etag()
        self.modified = time.time()

    def answer(self, spelling: str) -> Answer:
        """Answer with it; services put different things around a tag."""
        headers = {"ETag": spelling.format(self.tag), "Last-Modified": http_time(self.modified)}
        return Answer(200, copy.deepcopy(self.body), headers)
