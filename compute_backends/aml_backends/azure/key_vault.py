"""The type ``azure-key-vault``: secrets of Azure Key Vault, under azure-identity's default credential."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from azure.core.exceptions import (  # noqa: TID253  a leaf: imported with a store of this type
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from azure.keyvault.secrets import SecretClient  # noqa: TID253  as above
from pydantic import Field

from aml_backends.azure.login import default_credential
from aml_plugins.errors import AmlError, BackendError, InvalidInputError, NotFoundError, TransientBackendError
from aml_plugins.secrets.contract import SecretStore, SecretStoreConfig

__all__ = ["KeyVaultConfig", "KeyVaultSecrets"]

NAME = re.compile(r"[A-Za-z0-9-]{1,127}")
_RETRIES = {"retry_total": 3, "connection_timeout": 10, "read_timeout": 30}
_REFUSED = frozenset({401, 403})
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


class KeyVaultConfig(SecretStoreConfig):
    """Settings of a key vault."""

    vault_url: str = Field(pattern=r"^https://[^/?#@\s]+/?$", description="Such as https://my-vault.vault.azure.net.")
    verify_challenge_resource: bool = Field(
        default=True, description="False where the vault's host is not below its token's audience: private clouds."
    )


class KeyVaultSecrets(SecretStore):
    """A key vault. The newest version of a secret is the one that counts."""

    type_name = "azure-key-vault"
    config_model: ClassVar[type[SecretStoreConfig]] = KeyVaultConfig
    config: KeyVaultConfig

    def __init__(self, name: str, config: SecretStoreConfig) -> None:
        super().__init__(name, config)
        self._lock = threading.Lock()
        self._opened: SecretClient | None = None

    def get(self, name: str) -> str:
        with self._words(name):
            return self._client().get_secret(_checked(name)).value or ""

    def set(self, name: str, value: str) -> None:
        """Set a secret, as a new version."""
        with self._words(name):
            self._client().set_secret(_checked(name), value)

    def list(self) -> Sequence[str]:
        """Return the names of the secrets that are enabled."""
        with self._words():
            found = self._client().list_properties_of_secrets()
            return sorted(secret.name for secret in found if secret.name and secret.enabled)

    def delete(self, name: str) -> None:
        """Delete a secret; the vault keeps it for its retention time, as it does for everybody."""
        with self._words(name):
            self._client().begin_delete_secret(_checked(name))

    def check(self) -> str:
        with self._words():
            next(iter(self._client().list_properties_of_secrets(max_page_size=1)), None)
        return f"{self.config.vault_url} answers"

    def _client(self) -> SecretClient:
        with self._lock:
            if self._opened is None:
                self._opened = SecretClient(
                    self.config.vault_url,
                    default_credential(),
                    verify_challenge_resource=self.config.verify_challenge_resource,
                    **_RETRIES,
                )
            return self._opened

    @contextmanager
    def _words(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except AzureError as error:
            raise _error(self.name, self.config.vault_url, name, error) from error
        except ValueError as error:  # the challenge names another resource than the vault's
            raise BackendError(
                f"The secret store '{self.name}' asks for a token that is not meant for {self.config.vault_url}.",
                "Look at vault_url; in a private cloud, set verify_challenge_resource=false.",
            ) from error


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InvalidInputError(f"'{name}' cannot be a secret of a key vault.", "Use 1 to 127 letters, digits and '-'.")
    return name


def _error(store: str, url: str, name: str, error: AzureError) -> AmlError:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if isinstance(error, ResourceNotFoundError):
        return NotFoundError(
            f"The secret store '{store}' has no secret '{name}'.", f"Set it: aml secret set {name} --in {store}"
        )
    if isinstance(error, ClientAuthenticationError) and status not in _REFUSED:
        return BackendError(
            f"The secret store '{store}' cannot be entered: azure-identity found no credential that works.",
            "Sign in with 'az login', or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
        )
    if status in _REFUSED:
        return BackendError(
            f"The secret store '{store}' refused: {url} did not let us in.",
            "Give this identity the role 'Key Vault Secrets User' (or Officer, to set secrets).",
        )
    if status is None or status in _BUSY:
        return TransientBackendError(
            f"The secret store '{store}' cannot be reached: {url} does not answer.",
            "Look at its address and the network.",
        )
    return BackendError(f"The secret store '{store}' refused: {url} answered {status}.")
