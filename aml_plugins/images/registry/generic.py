"""Any registry that speaks the OCI distribution protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field, field_validator

from aml_plugins.errors import BackendError, InvalidInputError
from aml_plugins.images.contract import ContainerRegistry, RegistryConfig
from aml_plugins.images.layout import Layout
from aml_plugins.images.references import split_reference
from aml_plugins.images.registry.client import Credentials, RegistryClient
from aml_plugins.images.registry.pulling import pull_image
from aml_plugins.secrets import is_reference, resolve_secrets

__all__ = ["OciRegistry", "OciRegistryConfig"]


class OciRegistryConfig(RegistryConfig):
    """Where a registry is and who pushes to it."""

    address: str = Field(min_length=1, description="HOST or HOST:PORT; with http:// for one without TLS.")
    prefix: str = Field("", description="What repositories' names begin with, such as team/services.")
    username: str | None = Field(None, description="Who pushes and pulls.")
    password: str | None = Field(None, description="secret://STORE/NAME of the password; never the password.")
    ca_file: str | None = Field(None, description="Certificates to trust, where the registry has its own.")

    @field_validator("password")
    @classmethod
    def _is_a_reference(cls, value: str | None) -> str | None:
        if value is not None and not is_reference(value):
            raise ValueError("the password must be a reference: secret://STORE/NAME")
        return value


class OciRegistry(ContainerRegistry):
    """Pushes and pulls with a user's password, resolved when it is needed."""

    type_name: ClassVar[str] = "oci"
    config_model: ClassVar[type[RegistryConfig]] = OciRegistryConfig
    config: OciRegistryConfig

    def holds(self, reference: str) -> bool:
        return split_reference(reference)[0] == self.client().host

    def push(self, layout: Layout, digest: str, repository: str, tag: str, log: Callable[[str], None]) -> str:
        client = self.client()
        name = self.repository(repository)
        *blobs, manifest = layout.blobs_of(digest)
        for blob in blobs:
            if client.has_blob(name, blob.digest):
                log(f"{blob.digest[:19]} is there.")
            else:
                client.push_blob(name, layout, blob)
                log(f"{blob.digest[:19]} pushed, {blob.size} bytes.")
        told = client.push_manifest(name, tag, layout.read(digest), manifest.media_type)
        if told and told != digest:
            raise BackendError(f"The registry {client.host} calls the image {told}, not {digest}.", "Push it again.")
        log(f"Pushed {client.host}/{name}:{tag}.")
        return f"{client.host}/{name}@{digest}"

    def pull(self, layout: Layout, reference: str, log: Callable[[str], None]) -> str:
        host, repository, version = split_reference(reference)
        client = self.client()
        if host != client.host:
            raise InvalidInputError(f"'{reference}' is not in the registry {client.host}.")
        return pull_image(client, layout, repository, version, log)

    def check(self) -> str:
        """Ask for the protocol's version, as who pushes."""
        client = self.client()
        client.ping()
        return f"{client.host} answers"

    def repository(self, name: str) -> str:
        """Return an image's repository in this registry."""
        return f"{self.config.prefix.strip('/')}/{name}".lstrip("/")

    def client(self) -> RegistryClient:
        """Return what speaks to the registry."""
        return RegistryClient(self.config.address, self._credentials, ca_file=self.config.ca_file)

    def _credentials(self) -> Credentials | None:
        if self.config.username is None or self.config.password is None:
            return None
        return self.config.username, resolve_secrets({"password": self.config.password}, self.secrets)["password"]
