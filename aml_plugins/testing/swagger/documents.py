"""Swagger files, and what their references point to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

__all__ = ["Documents", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A value and the file in which its own references are relative."""

    value: Mapping[str, Any]
    file: Path


class Documents:
    """Files by path, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, Mapping[str, Any]] = {}

    def document(self, file: Path) -> Mapping[str, Any]:
        """Return a file's content."""
        if file not in self._read:
            self._read[file] = json.loads(file.read_text(encoding="utf-8-sig"))
        return self._read[file]

    def target(self, reference: str, file: Path) -> tuple[str, Place]:
        """Return what a reference means, under a name that is the same wherever it is referred to."""
        relative, _, pointer = reference.partition("#")
        found = Path(os.path.normpath(file.parent / relative)) if relative else file
        value: Any = self.document(found)
        for part in pointer.strip("/").split("/"):
            value = value[unquote(part).replace("~1", "/").replace("~0", "~")]
        return f"{found}#{pointer}", Place(value, found)

    def resolved(self, place: Place) -> Place:
        """Follow references until there is none."""
        while "$ref" in place.value:
            _, place = self.target(str(place.value["$ref"]), place.file)
        return place

    def subtypes(self, name: str) -> Mapping[str, Place]:
        """Return the definitions that say "all of ``name``", by the value of their discriminator."""
        found: dict[str, Place] = {}
        for file, document in list(self._read.items()):  # references lead to files that are read now
            for word, definition in document.get("definitions", {}).items():
                parents = [part["$ref"] for part in definition.get("allOf", []) if "$ref" in part]
                if any(self.target(parent, file)[0] == name for parent in parents):
                    found[definition.get("x-ms-discriminator-value", word)] = Place(definition, file)
        return found
