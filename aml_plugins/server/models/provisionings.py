"""Compute targets that were created, and how that is driven."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aml_plugins.server.models.runs import Owner
from aml_plugins.server.models.values import Identifier, JsonMapping, Moment, Name, Prose, Short, Strict

__all__ = [
    "NewProvisioning",
    "OperationId",
    "Provisioning",
    "ProvisioningHolder",
    "ProvisioningLease",
    "ProvisioningList",
    "ProvisioningWish",
    "SavedProvisioning",
]

OperationId = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
Seconds = Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)]


class _Provisioning(Strict):
    """How a creation or deletion stands."""

    state: Identifier = "Creating"
    settled: bool = False
    reason: Prose | None = None
    error_code: Short | None = None


class NewProvisioning(_Provisioning):
    """A compute target to create; ``config`` has the settings of its type, secrets as references."""

    name: Name
    type: Name
    operation_id: OperationId
    config: JsonMapping = Field(default_factory=dict)
    desired: JsonMapping
    user: Prose = ""
    maker: Prose = ""
    created_at: Moment = 0.0
    lease_owner: Owner | None = None
    lease_seconds: Seconds | None = None


class SavedProvisioning(_Provisioning):
    """A creation as its driver leaves it; ``If-Match`` has the revision that the driver read."""

    operation_id: OperationId
    owner: Owner


class ProvisioningWish(Strict):
    """What shall become of a created target; ``If-Match`` has the revision that was read."""

    operation_id: OperationId
    desired: JsonMapping


class Provisioning(_Provisioning):
    """A creation as it is stored."""

    workspace: str
    name: str
    type: str
    operation_id: str
    desired: JsonMapping
    user: str
    maker: str
    created_at: Moment
    updated_at: Moment
    revision: int
    lease_owner: str | None
    lease_until: float | None


class ProvisioningList(Strict):
    """Creations; those that are not for you are left out."""

    items: list[Provisioning]


class ProvisioningHolder(Strict):
    """Who gives a lease up; ``operation_id`` says which creation of the name is meant."""

    owner: Owner
    operation_id: OperationId


class ProvisioningLease(ProvisioningHolder):
    """A lease to take or renew."""

    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
