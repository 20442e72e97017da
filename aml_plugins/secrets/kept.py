"""Secrets that the project makes itself and needs again: those of services, in a store of the workspace."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aml_plugins.errors import InvalidInputError, NotFoundError
from aml_plugins.secrets.contract import SupportsDeletingSecrets, SupportsSetting
from aml_plugins.secrets.managing import set_secret
from aml_plugins.secrets.stores import default_secret_store, open_secret_store

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["KeptSecrets"]


class KeptSecrets:
    """Sets, gets and deletes by name.

    :param store: None for the workspace's default store.
    """

    def __init__(self, context: Context, workspace: str, store: str | None = None) -> None:
        self._context = context
        self._workspace = workspace
        self._name = store or default_secret_store(context, workspace)
        self._store = open_secret_store(context, workspace, self._name)

    def check(self) -> None:
        """Refuse a store that cannot be written to.

        :raises InvalidInputError: saying how to register one that can.
        """
        if not isinstance(self._store, SupportsSetting):
            raise InvalidInputError(
                f"Keys are to be kept in the secret store '{self._name}' (type {self._store.type_name}), which cannot "
                "be written to.",
                "Register another one: aml secret register file NAME, or azure-key-vault for a team",
            )

    def get(self, name: str) -> str | None:
        """Return a value, None where there is none."""
        try:
            return self._store.get(name)
        except NotFoundError:
            return None

    def set(self, name: str, value: str) -> None:
        """Keep a value.

        :raises InvalidInputError: for a store that cannot be written to.
        """
        self.check()
        set_secret(self._context, self._workspace, name, value, self._name)

    def delete(self, name: str) -> None:
        """Forget a value; one that is missing is fine."""
        if isinstance(self._store, SupportsDeletingSecrets):
            with suppress(NotFoundError):
                self._store.delete(name)
