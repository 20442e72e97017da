"""Settings of a compute target of type ``azure-batch``. Names are those of Azure ML's AmlCompute where it had them."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from aml_plugins.compute import TargetConfig
from aml_plugins.datastores.contract import SecretSetting

__all__ = ["AzureBatchConfig"]

_IMAGE_PARTS = (3, 4)


class AzureBatchConfig(TargetConfig):
    """An account, a pool in it, and what the pool is like where this target creates it."""

    account_url: str = Field(description="Address of the Batch account: https://ACCOUNT.REGION.batch.azure.com.")
    account_name: str = Field("", description="Name of the account, where its address does not begin with it.")
    account_key: SecretSetting | None = Field(
        None, description="secret:// reference to an account key; without one, azure-identity's default credential."
    )
    pool: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Id of the pool.")
    datastore: str = Field("", description="Datastore for the jobs' files; the workspace's default one if empty.")
    python: str = Field("python3", min_length=1, description="Python of the runner on the nodes, 3.8 or newer.")
    priority: int = Field(0, ge=-1000, le=1000, description="Of this target's jobs among others on the pool.")
    node_loss_retries: int = Field(
        3, ge=0, description="How often a run may lose its node, or have it preempted, and start again."
    )

    vm_size: str | None = Field(
        None, description="Size of the nodes; with it, the pool is created where it is missing."
    )
    image: str = Field(
        "microsoft-dsvm:ubuntu-hpc:2204:latest", description="Of the nodes: PUBLISHER:OFFER:SKU[:VERSION]."
    )
    node_agent: str = Field("batch.node.ubuntu 22.04", description="The node agent that fits the image.")
    min_nodes: int = Field(0, ge=0, description="Nodes that are kept, whatever there is to do.")
    max_nodes: int = Field(1, ge=1, description="Nodes that there are at most.")
    vm_priority: Literal["dedicated", "lowpriority"] = Field(
        "dedicated", description="lowpriority nodes cost less and may be taken away: their runs start again."
    )
    max_spot_nodes: int = Field(
        0, ge=0, description="Spot nodes at most, beside dedicated ones, once those are in use."
    )
    idle_seconds_before_scaledown: int = Field(1800, ge=300, description="How long a node may have nothing to do.")
    slots_per_node: int = Field(1, ge=1, le=256, description="Runs at a time on one node.")
    containers: bool = Field(False, description="Whether the pool runs Docker environments, and nothing else.")
    multi_node: bool = Field(False, description="Whether nodes may talk to each other, for runs with node_count > 1.")
    start_command: str | None = Field(None, description="Command that prepares each node, once, as administrator.")

    @field_validator("account_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
            raise ValueError("must be an address such as https://ACCOUNT.REGION.batch.azure.com")
        return value.rstrip("/")

    @field_validator("image")
    @classmethod
    def _is_image(cls, value: str) -> str:
        if len(value.split(":")) not in _IMAGE_PARTS or not all(value.split(":")):
            raise ValueError("must be PUBLISHER:OFFER:SKU or PUBLISHER:OFFER:SKU:VERSION")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> AzureBatchConfig:
        if self.min_nodes > self.max_nodes:
            raise ValueError("min_nodes is greater than max_nodes")
        if self.max_spot_nodes and self.vm_priority != "dedicated":
            raise ValueError("max_spot_nodes stands beside dedicated nodes: with lowpriority ones, set max_nodes")
        if self.multi_node and self.slots_per_node != 1:
            raise ValueError("a multi_node pool has one slot a node")
        if self.account_key is None and self.account_url.startswith("http:"):
            raise ValueError("account_key must be given: an identity's token is sent to an https address only")
        if self.account_key is not None and not self.name_of_account:
            raise ValueError("account_name must be given: the address does not begin with it")
        return self

    @property
    def name_of_account(self) -> str:
        """The account's name: given, or the beginning of its host."""
        host = (urlsplit(self.account_url).hostname or "").split(".")
        return self.account_name or (host[0] if len(host) > 1 and not host[0].isdigit() else "")
