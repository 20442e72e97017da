"""Settings of a compute target of type ``hdinsight``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from aml_backends.azure.resources import ResourceId
from aml_backends.hdinsight.creation import HDInsightCreation
from aml_plugins.compute import TargetConfig
from aml_plugins.plugins.structured import FROM_JSON, NAMED_TEXTS

__all__ = ["RESOURCE_TYPE", "HDInsightConfig"]

RESOURCE_TYPE = "Microsoft.HDInsight/clusters"
_LIVY = ("http://", "https://")
_STAGING = ("abfs://", "abfss://", "wasb://", "wasbs://", "file:///")


class HDInsightConfig(TargetConfig):
    """Where Livy listens, and the directory that both sides see.

    A local directory as staging serves where Livy runs on this machine; an HDInsight cluster refuses local paths.
    """

    url: str | None = Field(
        None, description="Livy's address, such as https://CLUSTER.azurehdinsight.net/livy; resource_id names it, too."
    )
    staging: str = Field(
        description="Directory for jobs, seen by the cluster and from here: abfs://CONTAINER@ACCOUNT… or file:///…"
    )
    user: str = Field("admin", min_length=1, description="User of the cluster's gateway.")
    password: str | None = Field(None, description="The user's password, as secret://STORE/NAME.")
    storage_options: Annotated[Mapping[str, str], NAMED_TEXTS] = Field(
        default_factory=dict,
        description="What fsspec needs to open the staging directory from here, such as account_key=secret://STORE/NAME.",
    )
    proxy_user: str | None = Field(None, min_length=1, description="User that Livy impersonates.")
    queue: str | None = Field(None, min_length=1, description="YARN queue of runs that name none.")
    timeout_seconds: float = Field(30.0, gt=0, le=600, description="Patience with one request, in seconds.")
    ca_file: str | None = Field(None, description="File with the certificate authorities to trust.")

    resource_id: str | None = Field(None, description="The cluster's id on Azure: /subscriptions/…")
    endpoint: str = Field("https://management.azure.com", description="Azure Resource Manager, for sovereign clouds.")
    authority: str | None = Field(None, description="Host that gives tokens, where it is not Azure's public one.")
    create: Annotated[HDInsightCreation | None, FROM_JSON] = Field(
        None,
        description="With resource_id: the cluster to create (location, worker_size, max_nodes, ssh_public_key, …).",
    )

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(_LIVY) or "@" in value.split("/")[2]:
            raise ValueError("must be an address such as https://CLUSTER.azurehdinsight.net/livy, without a password")
        return value.rstrip("/")

    @field_validator("resource_id")
    @classmethod
    def _is_resource_id(cls, value: str | None) -> str | None:
        if value is not None:
            ResourceId.parse(value, RESOURCE_TYPE)
        return value

    @model_validator(mode="after")
    def _says_where_livy_is(self) -> HDInsightConfig:
        if self.url is None and self.resource_id is None:
            raise ValueError("give the url of Livy, or the resource_id of the cluster")
        return self

    @property
    def livy(self) -> str:
        """Livy's address: given, or where a cluster of this name has it."""
        name = ResourceId.parse(self.resource_id, RESOURCE_TYPE).name if self.resource_id else ""
        return self.url or f"https://{name}.azurehdinsight.net/livy"

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

    @field_validator("storage_options")
    @classmethod
    def _holds_no_secret(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in value.items():
            if any(word in name for word in ("key", "token", "secret", "password", "connection_string")) and not (
                text.startswith("secret://")
            ):
                raise ValueError(f"'{name}' must be a reference such as secret://env/STORAGE_KEY, not the value")
        return value
