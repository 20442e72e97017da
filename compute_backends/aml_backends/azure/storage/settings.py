"""What blob containers and file shares have in common: an account, and how to get in."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from aml_plugins.datastores.contract import DatastoreConfig, SecretSetting
from aml_plugins.datastores.paths import relative_path
from aml_plugins.errors import InvalidInputError

__all__ = ["AccountConfig"]


class AccountConfig(DatastoreConfig):
    """An account of Azure Storage. Without any of the three credentials, it is azure-identity's default one."""

    account_url: str | None = Field(
        None, description="Address of the account, such as https://ACCOUNT.blob.core.windows.net."
    )
    account_name: str | None = Field(None, description="Name of the account, where its address does not begin with it.")
    account_key: SecretSetting | None = Field(None, description="secret:// reference to the account's key.")
    sas_token: SecretSetting | None = Field(None, description="secret:// reference to a shared access signature.")
    connection_string: SecretSetting | None = Field(
        None, description="secret:// reference to a connection string; then there is no account_url."
    )
    prefix: str = Field("", description="Folder in it that is the datastore's root; its own root by default.")

    @field_validator("account_url")
    @classmethod
    def _plain_url(cls, value: str | None) -> str | None:
        """Refuse what is no address, and one with a signature in it: that is a secret."""
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address such as https://ACCOUNT.blob.core.windows.net")
        if parts.query or parts.username or parts.fragment:
            raise ValueError("must be the account's address alone; give a signature as sas_token, by reference")
        return value.rstrip("/")

    @field_validator("prefix")
    @classmethod
    def _relative(cls, value: str) -> str:
        """Refuse a folder that is no path."""
        try:
            return relative_path(value.strip("/")).as_posix().removeprefix(".")
        except InvalidInputError as error:
            raise ValueError(error.what) from None

    @model_validator(mode="after")
    def _one_way_in(self) -> AccountConfig:
        """Refuse two credentials, and none of the two ways to name an account."""
        given = [name for name in ("account_key", "sas_token", "connection_string") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; one of them is enough")
        if (self.account_url is None) == (self.connection_string is None):
            raise ValueError("either account_url or connection_string must be given")
        return self

    @property
    def name_in_url(self) -> str:
        """The account's name: given, the beginning of its host, or the path with emulators (``host/account``)."""
        parts = urlsplit(self.account_url or "")
        host = (parts.hostname or "").split(".")
        by_host = host[0] if len(host) > 1 and not host[0].isdigit() else ""
        return self.account_name or parts.path.strip("/").partition("/")[0] or by_host
