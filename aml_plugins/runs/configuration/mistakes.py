"""From pydantic's errors to one sentence that names the file, the line, the key and the mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.configuration.key_paths import LONGEST, KeyPath, key_text

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from aml_plugins.runs.configuration.documents import Document

__all__ = ["explain"]

_REFERENCE: Final = "The reference of run configurations lists what each key takes."
_COMPLETE: Final = frozenset({"missing", "string_too_short", "value_error", "union_tag_invalid", "union_tag_not_found"})
_SECRETIVE: Final = ("environment_variables", "password", "registry", "unknown")
_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode text",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "mapping_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "union_tag_not_found": "has no 'kind': existing, pip, conda or docker",
    "union_tag_invalid": "has the unknown kind '{tag}'; the kinds are {expected_tags}",
}


def explain(
    error: ValidationError, values: Any, document: Document | None = None, *, renamed: Mapping[str, str] | None = None
) -> InvalidInputError:
    """Return the first mistake as an error for people.

    :param values: what was validated, to find the key in it.
    :param document: the file it came from, where it came from one.
    :param renamed: what the file calls our top-level keys, where it differs.
    """
    from aml_plugins.runs.configuration.documents import at  # noqa: PLC0415  most files are right, and most runs have none

    first = error.errors(include_url=False)[0]
    path = _in_values(first, values)
    if first["type"] == "unknown_key":
        context = first["ctx"]
        path = (*path, context["key"])
        return InvalidInputError(
            f"{at(document, path)}there is no key '{key_text(path)}'.{context['hint']}",
            f"Known here: {context['known']}.",
        )
    if path and renamed:
        path = (renamed.get(str(path[0]), path[0]), *path[1:])
    return InvalidInputError(f"{at(document, path)}{_sentence(first, path)}.", _REFERENCE)


def _sentence(details: ErrorDetails, path: KeyPath) -> str:
    template = _SENTENCES.get(details["type"])
    context = {key: value if key == "error" else str(value)[:LONGEST] for key, value in details.get("ctx", {}).items()}
    said = template.format_map(context) if template else str(context.get("error") or details["msg"])
    name = key_text(path) if not path else f"'{key_text(path)}'"
    return f"{name[:1].upper() + name[1:] if not path else name} {said}{_but(details, path)}"


def _but(details: ErrorDetails, path: KeyPath) -> str:
    """Return ``, not 'x'`` for short values that cannot be secret."""
    given = details["input"]
    if details["type"] in _COMPLETE:
        return ""
    if any(part in _SECRETIVE for part in path):
        return ""
    if isinstance(given, Mapping):
        return ", not a mapping"
    if isinstance(given, Sequence) and not isinstance(given, str):
        return ", not a list"
    return (
        f", not {ascii(given[:40]) if not given.isprintable() else repr(given[:40])}"
        if isinstance(given, str)
        else f", not {str(given)[:40]}"
    )


def _in_values(details: ErrorDetails, values: Any) -> KeyPath:
    """Return the path of an error without the marks that pydantic adds for unions and validators."""
    path: list[str | int] = []
    location = details["loc"]
    for index, part in enumerate(location):
        if isinstance(values, Mapping) and part in values:
            values = values[part]
        elif isinstance(values, Sequence) and not isinstance(values, str) and isinstance(part, int):
            values = values[part] if part < len(values) else None
        elif index < len(location) - 1 or details["type"] != "missing":
            continue
        path.append(part)
    return tuple(path)
