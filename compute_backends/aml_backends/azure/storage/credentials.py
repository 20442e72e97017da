"""From a datastore's settings to what the SDK takes as a credential. Values stay in this module and in the SDK."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from azure.core.credentials import (  # noqa: TID253  a leaf: imported with a datastore of these types
    AzureNamedKeyCredential,
    AzureSasCredential,
)

from aml_backends.azure.login import default_credential
from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from aml_backends.azure.storage.settings import AccountConfig
    from aml_plugins.secrets import SecretSource

__all__ = ["CLIENT_OPTIONS", "Account", "open_account"]

# The SDK's own patience (15 s, then 30, then 90) would hold up whoever waits for a sentence.
CLIENT_OPTIONS: dict[str, Any] = {
    "retry_total": 3,
    "initial_backoff": 0.5,
    "increment_base": 2,
    "connection_timeout": 10,
    "read_timeout": 60,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account and one way in. At most one of ``key`` and ``sas`` is there; with neither, it is an identity.

    :param url: without a signature.
    """

    url: str
    name: str
    key: str | None = field(default=None, repr=False)
    sas: str | None = field(default=None, repr=False)

    def credential(self) -> Any:
        """Return what the SDK's clients take as ``credential``."""
        if self.key:
            return AzureNamedKeyCredential(self.name, self.key)
        if self.sas:
            return AzureSasCredential(self.sas)
        return default_credential()


def open_account(datastore: str, config: AccountConfig, secrets: SecretSource, service: str) -> Account:
    """Resolve a datastore's credential.

    :param service: ``blob`` or ``file``: which of a connection string's endpoints is meant.
    """
    if config.connection_string:
        return _from_connection_string(datastore, secrets(config.connection_string), service)
    url = config.account_url or ""
    if config.account_key:
        return Account(url=url, name=_name(datastore, config), key=_key(datastore, secrets(config.account_key)))
    if config.sas_token:
        return Account(url=url, name=config.name_in_url, sas=secrets(config.sas_token).removeprefix("?"))
    if not url.startswith("https://"):
        raise InvalidInputError(
            f"The datastore '{datastore}' would send an identity's token to {url}, unencrypted.",
            "Give it an https address, or an account_key.",
        )
    return Account(url=url, name=config.name_in_url)


def _name(datastore: str, config: AccountConfig) -> str:
    if config.name_in_url:
        return config.name_in_url
    raise InvalidInputError(
        f"The name of the account of the datastore '{datastore}' does not follow from {config.account_url}.",
        "Give it as account_name.",
    )


def _key(datastore: str, value: str) -> str:
    """Refuse a key that the SDK would stumble over later, with an error that quotes it."""
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        raise InvalidInputError(
            f"The credential of the datastore '{datastore}' is malformed: no account key looks like this.",
            "Copy it anew from the account's page, 'Access keys', into the secret.",
        ) from None
    return value


def _from_connection_string(datastore: str, value: str, service: str) -> Account:
    parts = dict(part.split("=", 1) for part in value.strip().strip(";").split(";") if "=" in part)
    given = {name.lower(): text for name, text in parts.items()}
    name = given.get("accountname", "")
    suffix = given.get("endpointsuffix", "core.windows.net")
    protocol = given.get("defaultendpointsprotocol", "https")
    url = given.get(f"{service}endpoint") or (f"{protocol}://{name}.{service}.{suffix}" if name else "")
    key, sas = given.get("accountkey"), given.get("sharedaccesssignature")
    if not url or not (key or sas) or (key and not name):
        raise InvalidInputError(
            f"The connection string of the datastore '{datastore}' is malformed.",
            "Copy it anew from the account's page, 'Access keys' or 'Shared access signature'.",
        )
    key = _key(datastore, key) if key else None
    return Account(url=url.rstrip("/"), name=name, key=key, sas=None if key else (sas or "").removeprefix("?"))
