"""From YAML nodes to JSON values: the core schema of YAML 1.2, merge keys, and nothing that builds objects."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import yaml

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonValue
from aml_plugins.runs.configuration.mistakes import KeyPath, key_text

__all__ = ["compose", "dump", "to_json"]

_MAX_VALUES: Final = 20_000
_MAX_DEPTH: Final = 50
_TAG: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAG}merge"

# YAML 1.1, PyYAML's own, reads ``no`` as False, ``1:30`` as 90, ``1e-3`` as text and ``2019-01-01`` as a date.
_CORE: Final = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", r"<<", ["<"]),
)


class _Loader(yaml.SafeLoader):
    """Composes nodes only; never constructs."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  PyYAML's own protocol
    _left = _MAX_VALUES * 2  # keys are nodes too

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Stop early: PyYAML needs a minute for a megabyte of brackets."""
        self._left -= 1
        if self._left < 0:
            raise RecursionError
        return super().compose_node(parent, index)


class _Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.1 or our reader would take for something else than text."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """YAML's other line ends become plain ones unless they are escaped, which double quotes do."""
    style = '"' if any(end in text for end in "\x85\u2028\u2029") else None
    return dumper.represent_scalar(f"{_TAG}str", text, style=style)


_Dumper.add_representer(str, _text)
for _name, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first)
    if _name != "merge":
        _Dumper.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first)


def compose(text: str, name: str) -> yaml.Node | None:
    """Return the one document of ``text`` as nodes, None where it is empty.

    :raises InvalidInputError: naming the line of what is not YAML.
    """
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidInputError(
            f"{name}, line {line}: {_problem(error)}.", "Correct the YAML (or JSON) there."
        ) from None
    except yaml.YAMLError as error:
        found = f"#x{error.character:04x}" if isinstance(error, yaml.reader.ReaderError) else "something"
        raise InvalidInputError(
            f"{name} contains the character {found}, which YAML does not allow.", "Remove it."
        ) from None
    except RecursionError:
        raise _too_much(name) from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    if r"'\t'" in str(error.problem):
        return "a tab character where YAML wants spaces"
    if "single document" in str(error.context):
        return "a second document begins, and a run configuration is one"
    return f"this is not valid YAML ({error.problem or error.context})"


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
    left: int = _MAX_VALUES

    def value(self, node: yaml.Node, path: KeyPath) -> JsonValue:
        self.left -= 1
        if self.left < 0 or len(path) > _MAX_DEPTH:
            raise _too_much(self.name)
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        raise self._bad_tag(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        merged: dict[str, JsonValue] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
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
        if not node.tag.startswith(_TAG):
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
        kind = node.tag.removeprefix(_TAG)
        if node.tag in {f"{_TAG}str", _MERGE}:
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
        tag = str(node.tag).replace(_TAG, "!!")[:80]
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


def _too_much(name: str) -> InvalidInputError:
    return InvalidInputError(
        f"{name} is nested too deeply or holds more than {_MAX_VALUES} values.",
        "Make it simpler; mind repeated aliases.",
    )


def dump(value: Mapping[str, JsonValue]) -> str:
    """Return YAML that reads back as ``value``, in its order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
