"""Secrets by name: the environment variables that the run configuration fills from a secret store."""

from __future__ import annotations

import json
import os
from typing import Any

from .errors import NoSuchAttributeException, NotAvailableException
from .placeholders import INSTEAD

# The names of the run configuration's environment variables, a JSON list. What else the machine has in its environment
# is no secret of the run.
NAMES = "AML_VARIABLE_NAMES"


def secret(name: Any) -> str:
    """Return the variable of this name, or of the name in capitals with ``_`` for ``-``.

    :raises NotAvailableException: where the run has none.
    """
    named = json.loads(os.environ.get(NAMES) or "[]")
    plain = str(name).replace("-", "_")
    for variable in (str(name), plain, plain.upper()):
        if variable in named and variable in os.environ:
            return os.environ[variable]
    raise NotAvailableException(
        f"The secret '{name}'",
        f"Name it in the run configuration's environment variables: {plain.upper()}: secret://STORE/{name}",
    )


class Keyvault:
    """The workspace's key vault, so far as the run has its secrets."""

    def get_secret(self, name: str) -> str:
        """Return one."""
        return secret(name)

    def get_secrets(self, secrets: Any) -> dict[str, str]:
        """Return several by name."""
        return {name: secret(name) for name in secrets}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchAttributeException(f"Keyvault.{name}", INSTEAD["Keyvault"])
