"""Values as text: what a script gets is a string, whatever the file or the caller wrote."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from aml_plugins.secrets import REFERENCE, is_reference

__all__ = ["Arguments", "EnvironmentVariables", "SecretReference", "Settings", "TextMap", "split_arguments"]

_SCALAR_SCHEMA: Final = {"type": ["string", "number", "boolean"]}


def _as_text(value: object, name: str) -> str:
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool | int | float):
        text = str(value)
    else:
        raise ValueError(f"has {_kind(value)} as {name}, where only text, numbers and booleans can be")  # noqa: TRY004  pydantic's
    if "\0" in text:
        raise ValueError(f"has the character NUL in {name}")
    return text


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, Sequence) else type(value).__name__


def split_arguments(line: str) -> tuple[str, ...]:
    """Split a line into arguments as a shell does, without running one.

    :raises ValueError: for a quote that is not closed.
    """
    try:
        return tuple(shlex.split(line))
    except ValueError:
        raise ValueError("has a quote that is not closed; write arguments as a list") from None


def _arguments(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return split_arguments(value)
    if not isinstance(value, Sequence):
        raise ValueError("must be a list, such as [--alpha, 0.5]")  # noqa: TRY004  pydantic wants ValueError
    return tuple(_as_text(item, f"argument {index + 1}") for index, item in enumerate(value))


def _text_map(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping of names to values")  # noqa: TRY004  pydantic wants ValueError
    return {_key(key): "" if item is None else _as_text(item, f"'{key}'") for key, item in value.items()}


def _key(key: object) -> str:
    if not isinstance(key, str) or not key or "\0" in key:
        raise ValueError(f"has {str(key)[:40]!r}, which is not a name")
    return key


def _settings(value: object) -> dict[str, str]:
    """Spark reads ``true``, not Python's ``True``."""
    if isinstance(value, Mapping):
        value = {key: str(item).lower() if isinstance(item, bool) else item for key, item in value.items()}
    return _text_map(value)


def _environment_variables(value: object) -> dict[str, str]:
    found = _text_map(value)
    for name, text in found.items():
        if "=" in name:
            raise ValueError(f"has '{name[:40]}', which is not the name of an environment variable")
        if is_reference(text) and not REFERENCE.fullmatch(text):
            raise ValueError(f"refers to a secret in '{name}', but not as secret://STORE/NAME")
    return found


def _secret_reference(value: object) -> str:
    if not isinstance(value, str) or not REFERENCE.fullmatch(value):
        raise ValueError("must be a reference to a secret, secret://STORE/NAME, not the secret itself")
    return value


_TEXT_MAP_SCHEMA: Final = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}

Arguments: TypeAlias = Annotated[
    tuple[str, ...],
    BeforeValidator(_arguments),
    WithJsonSchema({"anyOf": [{"type": "array", "items": _SCALAR_SCHEMA}, {"type": "string"}]}),
]
TextMap: TypeAlias = Annotated[dict[str, str], BeforeValidator(_text_map), WithJsonSchema(_TEXT_MAP_SCHEMA)]
Settings: TypeAlias = Annotated[dict[str, str], BeforeValidator(_settings), WithJsonSchema(_TEXT_MAP_SCHEMA)]
EnvironmentVariables: TypeAlias = Annotated[
    dict[str, str], BeforeValidator(_environment_variables), WithJsonSchema(_TEXT_MAP_SCHEMA)
]
SecretReference: TypeAlias = Annotated[
    str, BeforeValidator(_secret_reference), WithJsonSchema({"type": "string", "pattern": "^secret://[^/]+/.+$"})
]
