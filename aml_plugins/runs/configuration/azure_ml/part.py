"""A mapping of an Azure ML v1 file that is read key by key; what nobody takes is left and can be reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from aml_plugins.errors import InvalidInputError
from aml_plugins.json_types import JsonValue
from aml_plugins.runs.configuration.azure_ml.keys import camel_case
from aml_plugins.runs.configuration.documents import Document, wrong
from aml_plugins.runs.configuration.key_paths import KeyPath, key_text
from aml_plugins.runs.configuration.text import split_arguments

__all__ = ["SECRETIVE", "Part"]

_TRUE: Final = frozenset({"true", "yes", "on", "1"})
SECRETIVE: Final = frozenset({"password", "secret", "authtoken", "accountkey", "sastoken"})
_FALSE: Final = frozenset({"false", "no", "off", "0"})


class Part:
    """One mapping. Keys are found however they are cased.

    :param names: keys are names of the user's, kept as they are.
    """

    def __init__(
        self, document: Document, value: Mapping[str, JsonValue], path: KeyPath = (), *, names: bool = False
    ) -> None:
        self._document = document
        self._path = path
        self._spelled = {key if names else camel_case(key): key for key in value}
        self._left: dict[str, JsonValue] = {known: value[key] for known, key in self._spelled.items()}
        self._parts: dict[str, Part] = {}

    def __contains__(self, key: str) -> bool:
        return self._left.get(key) is not None

    def take(self, key: str) -> JsonValue:
        """Return the value as it is, None where there is none."""
        return self._left.pop(key, None)

    def peek(self, key: str) -> JsonValue:
        """Return the value without taking it."""
        return self._left.get(key)

    def text(self, key: str, default: str | None = None) -> str | None:
        """Return a scalar as it is written; empty is the default."""
        value = self.take(key)
        if isinstance(value, Mapping | list | tuple):
            raise self.wrong(key, "must be text")
        return self._worded(value, self.path(key)) or default

    def number(self, key: str) -> int | None:
        """Return a whole number, also where it is quoted."""
        value = self.take(key)
        if value is None or value == "":
            return None
        try:
            if not isinstance(value, bool | Mapping | list) and float(str(value)) == int(float(str(value))):
                return int(float(str(value)))
        except (ValueError, OverflowError):
            pass
        raise self.wrong(key, "must be a whole number")

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean in any of the spellings that people use."""
        value = self.take(key)
        if value is None:
            return default
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise self.wrong(key, "must be true or false")
        return word in _TRUE

    def texts(self, key: str) -> list[str]:
        """Return a list of scalars as they are written; one string is split as a shell does."""
        value = self.take(key)
        if value is None:
            return []
        if isinstance(value, str):
            try:
                return list(split_arguments(value))
            except ValueError as error:
                raise self.wrong(key, str(error)) from None
        if isinstance(value, Mapping) or not isinstance(value, Sequence):
            raise self.wrong(key, "must be a list")
        path = self.path(key)
        for index, item in enumerate(value):
            if item is None or isinstance(item, Mapping | list):
                raise wrong(
                    self._document,
                    (*path, index),
                    f"'{key_text((*path, index))}' must be text or a number.",
                    "Correct it.",
                )
        return [self._worded(item, (*path, index)) or "" for index, item in enumerate(value)]

    def named_texts(self, key: str) -> dict[str, str]:
        """Return a mapping of the user's names to scalars as they are written."""
        value = self._mapping(key, self.take(key))
        path = self.path(key)
        for name, item in value.items():
            if isinstance(item, Mapping | list):
                where = (*path, name)
                raise wrong(self._document, where, f"'{key_text(where)}' must be text or a number.", "Correct it.")
        return {name: self._worded(item, (*path, name)) or "" for name, item in value.items()}

    def part(self, key: str, *, names: bool = False) -> Part:
        """Return the section under ``key``, an empty one where there is none."""
        if key not in self._parts:
            value = self._mapping(key, self.take(key))
            self._parts[key] = Part(self._document, value, self.path(key), names=names)
        return self._parts[key]

    def parts(self, key: str) -> Iterator[tuple[str, Part]]:
        """Yield the user's names under ``key`` with their sections."""
        section = self.part(key, names=True)
        for name in list(section._left):  # noqa: SLF001  another Part
            yield name, section.part(name)

    def adopt(self, key: str, other: Part) -> None:
        """Let ``other``, read from a file that ``key`` names, stand under ``key``."""
        self._left.pop(key, None)
        self._parts[key] = other

    def rest(self, defaults: Mapping[str, JsonValue]) -> dict[str, Any]:
        """Return what nobody took and what is not the default, by the keys of the file."""
        left = _without_defaults(self._left, defaults)
        for key, part in self._parts.items():
            default = defaults.get(key)
            found = part.rest(default if isinstance(default, Mapping) else {})
            if found:
                left[key] = found
        return {key if key in defaults else self._spelled.get(key, key): value for key, value in left.items()}

    def wrong(self, key: str, what: str) -> InvalidInputError:
        """Return the error for the value under ``key``."""
        path = self.path(key)
        return wrong(self._document, path, f"'{key_text(path)}' {what}.", "Correct it in the file.")

    def path(self, key: str) -> KeyPath:
        """Return where ``key`` is in the file."""
        return (*self._path, self._spelled.get(key, key))

    def _mapping(self, key: str, value: JsonValue) -> Mapping[str, JsonValue]:
        if value is None or value in ("", [], ()):
            return {}
        if not isinstance(value, Mapping):
            raise self.wrong(key, "must be a mapping")
        return value

    def _worded(self, value: JsonValue, path: KeyPath) -> str | None:
        return None if value is None else str(self._document.texts.get(path, value))


def _without_defaults(value: Mapping[str, JsonValue], defaults: Mapping[str, JsonValue]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        default = defaults.get(key)
        kept: Any = item
        if isinstance(item, Mapping):
            kept = _without_defaults(item, default if isinstance(default, Mapping) else {})
        if kept not in (None, "", [], {}) and kept != default:
            found[key] = "***" if key.lower() in SECRETIVE else kept
    return found
