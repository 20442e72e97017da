"""What our own names may look like: they become parts of paths, of remote names and of command lines."""

from __future__ import annotations

import re

from aml_plugins.errors import InvalidInputError

__all__ = ["check_name"]

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def check_name(kind: str, name: str) -> str:
    """Return the name if it is a good one.

    :param kind: what is named, for the error: ``compute target``.
    :raises InvalidInputError: otherwise.
    """
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"'{name}' cannot be the name of {'an' if kind[0] in 'aeiou' else 'a'} {kind}.",
            "Use 1 to 63 of a-z, 0-9, '-' and '_', with a letter or digit first.",
        )
    return name
