"""The store ``env``: the environment of the process that needs the value."""

from __future__ import annotations

from aml_plugins.secrets.contract import SecretStore
from aml_plugins.secrets.references import environment_value

__all__ = ["EnvironmentSecrets"]


class EnvironmentSecrets(SecretStore):
    """Variables of this process. They cannot be listed: most of them are no secrets."""

    type_name = "env"

    def get(self, name: str) -> str:
        return environment_value(name)
