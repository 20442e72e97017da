"""Set, list and delete secrets, where the store can do that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError
from aml_plugins.secrets.contract import SupportsDeletingSecrets, SupportsListingSecrets, SupportsSetting
from aml_plugins.secrets.stores import default_secret_store, open_secret_store

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.secrets.contract import SecretStore

__all__ = ["delete_secret", "list_secrets", "set_secret"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,126}")
LONGEST = 25_000
"""What Azure Key Vault takes, too."""


def set_secret(context: Context, workspace: str, name: str, value: str, store: str | None = None) -> str:
    """Set a secret; return the store that it is in.

    :param store: None for the workspace's default one.
    :raises InvalidInputError: for a wrong name, an empty value, or a store that cannot be written to.
    """
    found = _open(context, workspace, store)
    if not isinstance(found, SupportsSetting):
        raise InvalidInputError(
            f"Secrets of the store '{found.name}' (type {found.type_name}) cannot be set here.",
            "Set them where they live, or register another store: aml secret register file team",
        )
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"'{name}' cannot be the name of a secret.", "Use 1 to 127 letters, digits, '_', '.' and '-'."
        )
    if not value or len(value) > LONGEST:
        raise InvalidInputError(f"A secret has 1 to {LONGEST} characters.", "Give its value on standard input.")
    found.set(name, value)
    return found.name


def list_secrets(context: Context, workspace: str, store: str | None = None) -> Sequence[str]:
    """Return references to the secrets of a store.

    :raises InvalidInputError: for a store that cannot tell.
    """
    found = _open(context, workspace, store)
    if not isinstance(found, SupportsListingSecrets):
        raise InvalidInputError(
            f"The secrets of the store '{found.name}' (type {found.type_name}) cannot be listed.",
            "See where they live; 'aml secret stores' shows the stores.",
        )
    return [f"secret://{found.name}/{name}" for name in found.list()]


def delete_secret(context: Context, workspace: str, name: str, store: str | None = None) -> str:
    """Delete a secret; return the store that it was in.

    :raises NotFoundError: where there is none of this name.
    """
    found = _open(context, workspace, store)
    if not isinstance(found, SupportsDeletingSecrets):
        raise InvalidInputError(
            f"Secrets of the store '{found.name}' (type {found.type_name}) cannot be deleted here.",
            "Delete them where they live.",
        )
    found.delete(name)
    return found.name


def _open(context: Context, workspace: str, store: str | None) -> SecretStore:
    return open_secret_store(context, workspace, store or default_secret_store(context, workspace))
