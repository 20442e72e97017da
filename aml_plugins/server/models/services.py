"""Images and services, and how they are driven."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from aml_plugins.server.models.runs import Owner
from aml_plugins.server.models.values import Count, Identifier, JsonMapping, Moment, Name, Prose, Short, Strict

__all__ = [
    "Desired",
    "Held",
    "Holder",
    "Image",
    "ImageList",
    "Lease",
    "NewImage",
    "NewService",
    "SavedImage",
    "SavedService",
    "Service",
    "ServiceList",
]

Objects = Annotated[list[dict[str, Any]], Field(max_length=1000)]
ServiceId = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]


class _Image(Strict):
    """What an image is made of, and what came of making it."""

    state: Identifier
    builder: Identifier
    config: JsonMapping
    models: Objects = Field(default_factory=list)
    source: JsonMapping = Field(default_factory=dict)
    tags: JsonMapping = Field(default_factory=dict)
    digest: Short | None = None
    location: Prose | None = None
    result: JsonMapping = Field(default_factory=dict)
    reason: Prose | None = None
    error_code: Short | None = None
    user: Prose = ""


class NewImage(_Image):
    """A version of an image to write down; the server gives it its number."""

    name: Name
    created_at: Moment = 0.0
    lease_owner: Owner | None = None
    lease_seconds: Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)] | None = None


class SavedImage(_Image):
    """A version as its builder leaves it; ``If-Match`` has the revision that the builder read."""

    owner: Owner


class Image(_Image):
    """A version of an image as it is stored."""

    workspace: str
    name: str
    version: int
    created_at: Moment
    updated_at: Moment
    revision: int
    lease_owner: str | None
    lease_until: float | None


class ImageList(Strict):
    """Images; those that are not for you are left out."""

    items: list[Image]


class _Service(Strict):
    """What a service is."""

    type: Name
    state: Identifier
    deployments: Objects = Field(default_factory=list)
    generation: Count = 0
    endpoint: Prose | None = None
    reason: Prose | None = None
    error_code: Short | None = None
    tags: JsonMapping = Field(default_factory=dict)
    user: Prose = ""
    looked_at: Moment = 0.0


class NewService(_Service):
    """A service to write down."""

    name: Name
    service_id: ServiceId
    desired: JsonMapping
    created_at: Moment = 0.0
    lease_owner: Owner | None = None
    lease_seconds: Annotated[float, Field(ge=-1e11, le=1e11, allow_inf_nan=False)] | None = None


class SavedService(_Service):
    """A service as its driver leaves it; ``If-Match`` has the revision that the driver read."""

    service_id: ServiceId
    owner: Owner


class Desired(Strict):
    """What a service shall be; ``If-Match`` has the revision that was read."""

    service_id: ServiceId
    desired: JsonMapping


class Service(_Service):
    """A service as it is stored."""

    workspace: str
    name: str
    service_id: str
    desired: JsonMapping
    created_at: Moment
    updated_at: Moment
    revision: int
    lease_owner: str | None
    lease_until: float | None


class ServiceList(Strict):
    """Services; those that are not for you are left out."""

    items: list[Service]


class Lease(Strict):
    """A lease to take or renew.

    ``service_id`` says which service of the name is meant: there may have been another. Images have none.
    """

    owner: Owner
    seconds: Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
    service_id: ServiceId | None = None


class Holder(Strict):
    """Who gives a lease up."""

    owner: Owner
    service_id: ServiceId | None = None


class Held(Strict):
    """Whether the lease is held now."""

    held: bool
