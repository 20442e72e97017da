"""YAML and JSON files of strangers: bounded, no objects, no duplicate keys, every value with its line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonValue
from aml_plugins.runs.configuration.key_paths import KeyPath

__all__ = ["MAX_BYTES", "Document", "read_document", "read_text"]

MAX_BYTES: Final = 1024 * 1024
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content as JSON values.

    :param name: the file as the user knows it.
    :param value: the content; an empty file is an empty mapping.
    :param lines: the line of each value, by its path.
    :param texts: numbers, booleans and the like as they stand in the file, by their path.
    """

    name: str
    value: Mapping[str, JsonValue]
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)
    texts: Mapping[KeyPath, str] = field(default_factory=dict, repr=False)

    def line(self, path: KeyPath) -> int | None:
        """Return the line of a value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def worded(self, *paths: KeyPath) -> dict[str, Any]:
        """Return the content with scalars at or right under ``paths`` as written: ``1.10`` stays ``"1.10"``."""
        return {key: self._worded(value, (key,), paths) for key, value in self.value.items()}

    def _worded(self, value: JsonValue, path: KeyPath, paths: Sequence[KeyPath]) -> Any:
        if isinstance(value, Mapping):
            return {key: self._worded(item, (*path, key), paths) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self._worded(item, (*path, index), paths) for index, item in enumerate(value)]
        if value is not None and any(prefix in (path, path[:-1]) for prefix in paths):
            return self.texts.get(path, value)
        return value


def read_text(path: Path, name: str, limit: int = MAX_BYTES) -> str:
    """Read a whole text file of at most ``limit`` bytes: UTF-8, or UTF-16 with a byte order mark.

    :raises InvalidInputError: where it is missing, unreadable, too big or not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidInputError(f"{name} cannot be read: {error.strerror}.", "Check the path and its rights.") from None
    if len(data) > limit:
        raise InvalidInputError(
            f"{name} is larger than {limit} bytes.", "Make it smaller; data belongs into a datastore."
        )
    encoding = next((encoding for bom, encoding in _BOMS if data.startswith(bom)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(f"{name}, line {line}: this is not UTF-8 text.", "Save the file as UTF-8.") from None


def read_document(path: Path, name: str) -> Document:
    """Read a YAML or JSON file whose content is a mapping.

    :raises InvalidInputError: naming the file and the line of what is wrong.
    """
    return parse_document(read_text(path, name), name)


def parse_document(text: str, name: str) -> Document:
    """Like :func:`read_document`, for a text."""
    # PyYAML costs 15 ms; ``RunConfiguration(script=…)`` in memory needs none of it.
    from aml_plugins.runs.configuration.yaml_dialect import compose  # noqa: PLC0415
    from aml_plugins.runs.configuration.yaml_nodes import to_json  # noqa: PLC0415

    root = compose(_without_json_tabs(text), name)
    if root is None:
        return Document(name, {})
    value, lines, texts = to_json(root, name)
    if value is None:
        return Document(name, {})
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            f"{name} is not a mapping of keys to values.", "Start it with a line such as: script: train.py"
        )
    return Document(name, value, lines, texts)


def _without_json_tabs(text: str) -> str:
    """JSON allows tabs between its values, YAML does not; inside JSON strings they cannot be."""
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def at(document: Document | None, path: KeyPath) -> str:
    """Return where ``path`` is, as the start of a sentence."""
    if document is None:
        return "Run configuration: "
    line = document.line(path)
    return f"{document.name}, line {line}: " if line else f"{document.name}: "


def wrong(document: Document, path: KeyPath, what: str, fix: str) -> InvalidInputError:
    """Return the error for the value at ``path``."""
    return InvalidInputError(f"{at(document, path)}{what}", fix)
