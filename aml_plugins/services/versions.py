"""The deployments of a service, as its row has them: which is wanted, what share of the requests each gets."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from aml_plugins.services.contract import Route
from aml_plugins.store.records import ServiceRecord

__all__ = [
    "ALL",
    "Deployment",
    "generation_of",
    "new_version",
    "routes_of",
    "still_wanted",
    "versions_of",
    "wanted_of",
    "weights_of",
    "with_changed",
]

ALL = 100
"""All requests, in percent."""
_SAME = ("image", "config", "replicas", "keys")
"""What makes a version another one; ``keys`` is there once keys came with a version."""

Deployment = dict[str, Any]
"""``key``, ``handle`` once it was started, ``weight`` in percent, ``started_at``, ``was_ready``, and what it runs."""


def generation_of(record: ServiceRecord) -> int:
    """Return the number of the request that is to be acted on."""
    return int(str(record.desired["generation"]))


def versions_of(record: ServiceRecord) -> list[Deployment]:
    """Return the deployments, newest last."""
    found = record.deployments
    return [dict(one) for one in found if isinstance(one, Mapping)] if isinstance(found, (list, tuple)) else []


def wanted_of(record: ServiceRecord) -> Deployment | None:
    """Return the deployment that has what is wanted: a change of traffic alone starts nothing."""
    return next(
        (one for one in versions_of(record) if all(one.get(key) == record.desired.get(key) for key in _SAME)), None
    )


def still_wanted(record: ServiceRecord) -> dict[str, Any]:
    """Return what the next request starts from: what is wanted, or, where that failed and was ended, what serves."""
    versions = versions_of(record)
    if record.generation < generation_of(record) or not versions:
        return dict(record.desired)
    serving = wanted_of(record) or versions[-1]
    kept = {name: value for name, value in record.desired.items() if name not in _SAME}
    return {**kept, **{name: serving[name] for name in _SAME if name in serving}, "traffic": serving["weight"]}


def new_version(record: ServiceRecord) -> Deployment:
    """Return the deployment that is wanted, before it is started; its name follows from the request."""
    key = f"{record.service_id[:20]}-{generation_of(record)}"
    wanted = {name: record.desired[name] for name in _SAME if name in record.desired}
    return {"key": key, "handle": None, "weight": 0, "started_at": time.time(), **wanted}


def with_changed(record: ServiceRecord, changed: Deployment, **values: Any) -> list[Deployment]:
    """Return the deployments with one of them changed."""
    return [{**one, **values} if one["key"] == changed["key"] else one for one in versions_of(record)]


def weights_of(record: ServiceRecord, wanted: Deployment) -> dict[str, int]:
    """Return each deployment's share: the wanted one's, and the rest for the newest of the others."""
    share = int(str(record.desired.get("traffic", ALL)))
    others = [one for one in versions_of(record) if one["key"] != wanted["key"] and one.get("was_ready")]
    weights = dict.fromkeys((one["key"] for one in versions_of(record)), 0)
    weights[wanted["key"]] = share if others else ALL
    if others:
        largest = max(others, key=lambda one: int(one["weight"]))
        weights[largest["key"]] = ALL - share
    return weights


def routes_of(record: ServiceRecord, weights: Mapping[str, int]) -> Sequence[Route]:
    """Return where requests go: to what was started."""
    return [Route(one["handle"], weights[one["key"]]) for one in versions_of(record) if one.get("handle") is not None]
