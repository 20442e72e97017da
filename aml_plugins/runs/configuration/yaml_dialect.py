"""The YAML that run configurations are written in: the core schema of YAML 1.2 and merge keys, bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonValue

__all__ = ["MAX_VALUES", "MERGE", "TAG", "compose", "dump", "too_much"]

MAX_VALUES: Final = 20_000
TAG: Final = "tag:yaml.org,2002:"
MERGE: Final = f"{TAG}merge"

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
    _left = MAX_VALUES * 2  # keys are nodes too

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse what is too big before all of it is parsed."""
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
    return dumper.represent_scalar(f"{TAG}str", text, style=style)


_Dumper.add_representer(str, _text)
for _name, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(f"{TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first)
    if _name != "merge":
        _Dumper.add_implicit_resolver(f"{TAG}{_name}", re.compile(f"^(?:{_pattern})$"), _first)


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
        raise too_much(name) from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    if r"'\t'" in str(error.problem):
        return "a tab character where YAML wants spaces"
    if "single document" in str(error.context):
        return "a second document begins, and a run configuration is one"
    return f"this is not valid YAML ({error.problem or error.context})"


def too_much(name: str) -> InvalidInputError:
    """Return the error for a file beyond the bounds."""
    return InvalidInputError(
        f"{name} is nested too deeply or holds more than {MAX_VALUES} values.",
        "Make it simpler; mind repeated aliases.",
    )


def dump(value: Mapping[str, JsonValue]) -> str:
    """Return YAML that reads back as ``value``, in its order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
