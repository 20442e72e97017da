"""The store ``env``: the environment of the process that needs the value."""

from __future__ import annotations

import os

from aml_plugins.errors import NotFoundError
from aml_plugins.secrets.contract import SecretStore

__all__ = ["EnvironmentSecrets"]


class EnvironmentSecrets(SecretStore):
    """Variables of this process. They cannot be listed: most of them are no secrets."""

    type_name = "env"

    def get(self, name: str) -> str:
        value = os.environ.get(name)
        if value is None:
            raise NotFoundError(
                f"The secret '{name}' has no value in the environment.",
                f"Set {name} where the run is submitted and driven.",
            )
        return value
