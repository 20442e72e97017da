"""What an emulator is like: names, keys, how long the service's own operations take, what it has to give."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ACCOUNT", "KEY", "SUBSCRIPTION", "TENANT", "Delays", "Quotas", "Settings"]

ACCOUNT = "amlemulator"
KEY = "YW1sLXBsdWdpbnMgYXp1cmUgZW11bGF0b3IsIG5vdCBhIHNlY3JldCBhdCBhbGwhIGFtbC1wbHVnaW5zIGF6dXJlIGVtdWxhdG9yLg=="
"""Not a secret: everybody who has this package knows it, as everybody knows Azurite's."""
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-000000000002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Seconds that the service's own operations take.

    :param allocation: a pool's resize; ``boot``: a node, from creation to its start task; ``removal``: asynchronous
        deletes and terminations; ``arm``: an operation of the resource manager.
    :param listing: for so long, lists do not show what is new.
    :param scale: of the intervals that the service counts in minutes (autoscale, resize time-outs): 0.01 makes five
        minutes three seconds.
    """

    allocation: float = 0.1
    boot: float = 0.1
    removal: float = 0.1
    arm: float = 0.2
    listing: float = 0.0
    scale: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What the account may have; one node is one core."""

    dedicated_nodes: int = 64
    low_priority_nodes: int = 64
    pools: int = 100
    active_jobs: int = 300
    container_groups: int = 100
    container_cores: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How an emulator behaves.

    :param directory: for the nodes' disks; None for a temporary one.
    :param check_credentials: whether signatures and tokens are verified. Recorded traffic has none.
    :param spelling: of words in answers: ``recorded`` as the real service was seen to write them
        (``UserError``), ``specification`` as its specification does (``usererror``).
    :param stale_group_state: whether a container group says ``Running`` after its containers have ended, as was seen.
    :param subscriptions: which there are; None for all that anybody names. ``resource_groups`` likewise: clients create
        and delete them.
    :param images: which a container group may ask for; None for any. One that the engine cannot pull ends at once.
    :param registry: address, ``HOST:PORT``, of a registry program that keeps the images of the container registry;
        ``registry_login`` is who enters it, ``registry_admin`` the admin user of the container registry.
    :param kubeconfig: of a Kubernetes cluster that stands for every AKS cluster; without one, credentials lead nowhere.
    :param validate: whether each request and answer is checked against the specifications; see ``violations``.
    """

    account: str = ACCOUNT
    key: str = KEY
    region: str = "westus"
    subscription: str = SUBSCRIPTION
    tenant: str = TENANT
    subscriptions: Collection[str] | None = None
    resource_groups: Collection[str] | None = None
    images: Collection[str] | None = None
    directory: Path | None = None
    check_credentials: bool = True
    spelling: str = "recorded"
    validate: bool = False
    stale_group_state: bool = False
    registry: str | None = None
    registry_login: tuple[str, str] | None = None
    registry_admin: tuple[str, str] = ("amlregistry", KEY[:32])
    kubeconfig: Path | None = None
    delays: Delays = field(default_factory=Delays)
    quotas: Quotas = field(default_factory=Quotas)
