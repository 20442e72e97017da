"""Settings that are mappings or lists, as a command line gives them: JSON, or ``NAME=VALUE`` once for each."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pydantic import BeforeValidator

__all__ = ["FROM_JSON", "NAMED_TEXTS"]


def _from_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('must be JSON, such as {"NAME": "VALUE"}') from None


def _named(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        return value
    if len(texts) == 1 and texts[0].lstrip().startswith(("{", "[")):
        return _from_json(texts[0])
    found: dict[str, str] = {}
    for text in texts:
        name, separator, rest = text.partition("=")
        if not separator or not name:
            raise ValueError('must be NAME=VALUE, once for each name, or JSON such as {"NAME": "VALUE"}')
        if name in found:
            raise ValueError(f"has '{name}' twice")
        found[name] = rest
    return found


FROM_JSON = BeforeValidator(_from_json)
"""For a setting of any structure: a text is read as JSON."""
NAMED_TEXTS = BeforeValidator(_named)
"""For a mapping of names to texts: one or several ``NAME=VALUE``, whose values may have commas, or JSON."""
