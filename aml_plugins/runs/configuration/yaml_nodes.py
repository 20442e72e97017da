"""From YAML nodes to JSON values, each with its line; nothing here builds objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import yaml

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonValue
from aml_plugins.runs.configuration.key_paths import KeyPath, key_text
from aml_plugins.runs.configuration.yaml_dialect import MAX_VALUES, MERGE, TAG, too_much

__all__ = ["to_json"]

_MAX_DEPTH: Final = 50


def to_json(root: yaml.Node, name: str) -> tuple[JsonValue, Mapping[KeyPath, int], Mapping[KeyPath, str]]:
    """Return the value of ``root``, the line of each value, and scalars that are no strings as they are written."""
    reading = _Reading(name)
    return reading.value(root, ()), reading.lines, reading.texts


@dataclass
class _Reading:
    """One pass over the nodes. Aliases count as often as they are used: that bounds alias bombs."""

    name: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    left: int = MAX_VALUES

    def value(self, node: yaml.Node, path: KeyPath) -> JsonValue:
        self.left -= 1
        if self.left < 0 or len(path) > _MAX_DEPTH:
            raise too_much(self.name)
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{TAG}seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode) and node.tag == f"{TAG}map":
            return self._mapping(node, path)
        raise self._bad_tag(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        merged: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                merged = self._merge(value_node, path) | merged
                continue
            key = self._key(key_node)
            if key in found:
                line, first = key_node.start_mark.line + 1, self.lines[*path, key]
                raise InvalidInputError(
                    f"{self.name}, line {line}: the key '{key_text((*path, key))}' is there already, in line {first}.",
                    "Keep one of the two.",
                )
            self.lines[*path, key] = key_node.start_mark.line + 1
            found[key] = self.value(value_node, (*path, key))
        return merged | found

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise InvalidInputError(
                f"{self.name}, line {node.start_mark.line + 1}: a key must be text.", "Write it as KEY: VALUE."
            )
        if not node.tag.startswith(TAG):
            raise self._bad_tag(node)
        return self._unicode(node)

    def _merge(self, node: yaml.Node, path: KeyPath) -> dict[str, JsonValue]:
        value = self.value(node, (*path, "<<"))
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        merged: dict[str, JsonValue] = {}
        for item in reversed(items):
            if not isinstance(item, Mapping):
                line = node.start_mark.line + 1
                raise InvalidInputError(f"{self.name}, line {line}: '<<' wants a mapping.", "Name an anchor: <<: *NAME")
            merged.update(item)
        return merged

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> JsonValue:
        text = self._unicode(node)
        kind = node.tag.removeprefix(TAG)
        if node.tag in {f"{TAG}str", MERGE}:
            return text
        try:
            value = _plain(kind, text)
        except (ValueError, KeyError):
            raise self._bad_tag(node) from None
        self.texts[path] = text
        return value

    def _unicode(self, node: yaml.ScalarNode) -> str:
        text = str(node.value)
        try:  # JSON writes an emoji as two escapes, which PyYAML leaves apart
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            line = node.start_mark.line + 1
            raise InvalidInputError(
                f"{self.name}, line {line}: this text is not valid Unicode.", "Correct it."
            ) from None

    def _bad_tag(self, node: yaml.Node) -> InvalidInputError:
        tag = str(node.tag).replace(TAG, "!!")[:80]
        return InvalidInputError(
            f"{self.name}, line {node.start_mark.line + 1}: the tag '{tag}' is not allowed.",
            "A run configuration holds plain values only; remove the tag.",
        )


def _plain(kind: str, text: str) -> JsonValue:
    if kind == "null":
        return None
    if kind == "bool":
        return {"true": True, "false": False}[text.lower()]
    if kind == "int":
        return _integer(text)
    if kind == "float":
        number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        return number if math.isfinite(number) else text
    raise KeyError(kind)


def _integer(text: str) -> int | str:
    if len(text) > 100:  # noqa: PLR2004  Python refuses to convert thousands of digits, and nobody means it
        return text
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
