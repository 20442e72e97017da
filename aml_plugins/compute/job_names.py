"""Which submission keys can name a job; checked before anything is made that bears the name."""

from __future__ import annotations

import re

from aml_plugins.errors import InvalidInputError

__all__ = ["check_directory_name", "check_resource_name", "is_resource_name"]

_RESOURCE = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


def is_resource_name(key: str) -> bool:
    """Say whether a key can name what clouds and clusters make: 3 to 63 characters of ``a-z 0-9 -``."""
    return _RESOURCE.fullmatch(key) is not None


def check_resource_name(key: str) -> None:
    """Refuse a key that cannot name a job which is a cloud's or a cluster's.

    :raises InvalidInputError: see :func:`is_resource_name`.
    """
    if not is_resource_name(key):
        raise InvalidInputError(f"'{key}' cannot be the name of a job.", "Use 3 to 63 letters, digits and hyphens.")


def check_directory_name(key: str) -> None:
    """Refuse a key that cannot name a job which is a directory; hidden ones are no jobs.

    :raises InvalidInputError: for a key that is empty, begins with a dot, or leads elsewhere.
    """
    if not key or key.startswith(".") or "/" in key or "\0" in key:
        raise InvalidInputError(f"'{key}' cannot be the name of a job.", "Use letters, digits and hyphens.")
