"""Azure Container Registry: who you are in Azure, exchanged for what its registry takes.

The protocol is Microsoft's "Azure Container Registry AAD integration": an access token of Microsoft Entra is exchanged
at ``/oauth2/exchange`` for a refresh token of the registry, and that at ``/oauth2/token`` for an access token to one
repository.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar, Self
from urllib.parse import urlencode

import urllib3
from pydantic import Field, field_validator, model_validator

from aml_plugins.errors import BackendError, InvalidInputError, MissingExtraError
from aml_plugins.images.contract import RegistryConfig
from aml_plugins.images.registry.client import Credentials, RegistryClient
from aml_plugins.images.registry.generic import OciRegistry, OciRegistryConfig
from aml_plugins.secrets import is_reference, resolve_secrets

__all__ = ["AcrClient", "AcrConfig", "AcrRegistry"]

_SUFFIX = "azurecr.io"
_SCOPE = "https://containerregistry.azure.net/.default"
_OK = 200


class AcrConfig(OciRegistryConfig):
    """An Azure Container Registry and who enters it.

    With ``username`` and ``password`` it is the admin user or a token of the registry; with ``client_id`` and
    ``client_secret`` a service principal; with neither, azure-identity's default credential.
    """

    address: str = Field(min_length=1, description="NAME or NAME.azurecr.io.")
    tenant_id: str | None = Field(None, description="The tenant of the service principal.")
    client_id: str | None = Field(None, description="The service principal's id.")
    client_secret: str | None = Field(None, description="secret://STORE/NAME of its secret; never the secret.")
    subscription: str | None = Field(None, description="Id of its subscription, for the builder acr-tasks.")
    resource_group: str | None = Field(None, description="Its resource group, for the builder acr-tasks.")
    name: str | None = Field(None, description="Its name, where the address does not begin with it.")
    endpoint: str = Field(
        "https://management.azure.com", description="Azure Resource Manager; another one for sovereign clouds."
    )

    @field_validator("address")
    @classmethod
    def _whole(cls, value: str) -> str:
        return value if "." in value or ":" in value else f"{value.lower()}.{_SUFFIX}"

    @property
    def registry_name(self) -> str:
        """What Azure Resource Manager calls it."""
        return self.name or self.address.rpartition("/")[2].partition(".")[0]

    @field_validator("client_secret")
    @classmethod
    def _refers(cls, value: str | None) -> str | None:
        if value is not None and not is_reference(value):
            raise ValueError("the secret must be a reference: secret://STORE/NAME")
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        principal = (self.tenant_id, self.client_id, self.client_secret)
        if any(principal) and not all(principal):
            raise ValueError("a service principal has 'tenant_id', 'client_id' and 'client_secret'")
        if any(principal) and self.username is not None:
            raise ValueError("give a user or a service principal, not both")
        return self


class AcrRegistry(OciRegistry):
    """Pushes and pulls as whoever Azure knows, or as the registry's admin user."""

    type_name: ClassVar[str] = "acr"
    config_model: ClassVar[type[RegistryConfig]] = AcrConfig
    config: AcrConfig

    def client(self) -> RegistryClient:
        if self.config.username is not None:
            return super().client()
        return AcrClient(self.config.address, self._entra_token, self.config.tenant_id, ca_file=self.config.ca_file)

    def _entra_token(self) -> str:
        """Return an access token of Microsoft Entra; azure-identity keeps it as long as it is good."""
        try:
            from azure.core.exceptions import ClientAuthenticationError
        except ImportError:
            raise MissingExtraError("An Azure Container Registry", "azure") from None
        try:
            return str(self.credential().get_token(_SCOPE).token)
        except ClientAuthenticationError as error:
            raise BackendError(
                f"Azure does not know who pushes to {self.config.address}: {str(error).partition(chr(10))[0][:200]}",
                "Run: az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
            ) from None

    def credential(self) -> Any:
        """Return who this is for Azure: the service principal, else whom azure-identity finds."""
        if self.config.client_id is None:
            from aml_backends.azure.login import default_credential  # noqa: PLC0415  of an extra

            return default_credential()
        from aml_backends.azure.login import service_principal  # noqa: PLC0415  likewise

        secret = resolve_secrets({"secret": str(self.config.client_secret)}, self.secrets)["secret"]
        return service_principal(str(self.config.tenant_id), self.config.client_id, secret)


class AcrClient(RegistryClient):
    """A client that exchanges tokens; each goes to the registry itself and to nobody that an answer names.

    :param entra_token: returns an access token of Microsoft Entra.
    """

    def __init__(
        self, address: str, entra_token: Callable[[], str], tenant: str | None, *, ca_file: str | None = None
    ) -> None:
        super().__init__(address, lambda: None, ca_file=ca_file)
        self._entra_token = entra_token
        self._tenant = tenant
        self._refresh_token: str | None = None

    def ping(self) -> None:
        """Make sure that the registry takes this login. A token to a repository is only given for one that is named."""
        self._refresh_token = self.again(self._exchanged)

    def _token(self, challenge: str, repository: str, given: Credentials | None) -> str:
        del challenge, given
        if self._refresh_token is None:
            self._refresh_token = self._exchanged()
        form = {
            "grant_type": "refresh_token",
            "service": self.host,
            "scope": f"repository:{repository}:pull,push",
            "refresh_token": self._refresh_token,
        }
        return self._posted("/oauth2/token", form, "access_token", repository)

    def _exchanged(self) -> str:
        form = {"grant_type": "access_token", "service": self.host, "access_token": self._entra_token()}
        if self._tenant is not None:
            form["tenant"] = self._tenant
        return self._posted("/oauth2/exchange", form, "refresh_token", "")

    def _posted(self, path: str, form: dict[str, str], wanted: str, repository: str) -> str:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            answer = self._pool.request(
                "POST", f"{self._base}{path}", body=urlencode(form), headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status != _OK:
            raise self._refusal(answer, repository or path)
        try:
            return str(json.loads(answer.data)[wanted])
        except (ValueError, KeyError, TypeError):
            raise InvalidInputError(
                f"{self.host} is no Azure Container Registry: its {path} gave no {wanted}.",
                "For another registry, write type=oci.",
            ) from None
