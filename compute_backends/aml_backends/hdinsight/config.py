"""Settings of a compute target of type ``hdinsight``."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import Field, field_validator

from aml_plugins.compute import TargetConfig

__all__ = ["HDInsightConfig"]

_LIVY = ("http://", "https://")
_STAGING = ("abfs://", "abfss://", "wasb://", "wasbs://", "file:///")


class HDInsightConfig(TargetConfig):
    """Where Livy listens, and the directory that both sides see.

    A local directory as staging serves where Livy runs on this machine; an HDInsight cluster refuses local paths.
    """

    url: str = Field(description="Livy's address, such as https://CLUSTER.azurehdinsight.net/livy.")
    staging: str = Field(
        description="Directory for jobs, seen by the cluster and from here: abfs://CONTAINER@ACCOUNT… or file:///…"
    )
    user: str = Field("admin", min_length=1, description="User of the cluster's gateway.")
    password: str | None = Field(None, description="The user's password, as secret://STORE/NAME.")
    storage_options: Mapping[str, str] = Field(
        default_factory=dict,
        description="What fsspec needs to open the staging directory from here, such as account_key=secret://STORE/NAME.",
    )
    proxy_user: str | None = Field(None, min_length=1, description="User that Livy impersonates.")
    queue: str | None = Field(None, min_length=1, description="YARN queue of runs that name none.")
    timeout_seconds: float = Field(30.0, gt=0, le=600, description="Patience with one request, in seconds.")
    ca_file: str | None = Field(None, description="File with the certificate authorities to trust.")

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if not value.startswith(_LIVY) or "@" in value.split("/")[2]:
            raise ValueError("must be an address such as https://CLUSTER.azurehdinsight.net/livy, without a password")
        return value.rstrip("/")

    @field_validator("staging")
    @classmethod
    def _is_seen_by_both(cls, value: str) -> str:
        if not value.startswith(_STAGING):
            raise ValueError(f"must begin with one of {', '.join(_STAGING)}")
        return value.rstrip("/")

    @field_validator("password")
    @classmethod
    def _is_reference(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("secret://"):
            raise ValueError("must be a reference such as secret://env/LIVY_PASSWORD, never the password itself")
        return value

    @field_validator("storage_options", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        """Take JSON from the command line, which has nothing but texts."""
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("storage_options")
    @classmethod
    def _holds_no_secret(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in value.items():
            if any(word in name for word in ("key", "token", "secret", "password", "connection_string")) and not (
                text.startswith("secret://")
            ):
                raise ValueError(f"'{name}' must be a reference such as secret://env/STORAGE_KEY, not the value")
        return value
