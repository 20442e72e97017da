"""What a service's deployments counted: requests, errors, and how long answers took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import AmlError
from aml_plugins.server.console.service_page import backend_within_reach
from aml_plugins.services.abilities import SupportsMetrics
from aml_plugins.services.versions import versions_of

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.store.records import ServiceRecord

__all__ = ["counted", "traffic"]

_REQUESTS, _SECONDS = "aml_scoring_requests_total", "aml_scoring_request_seconds"
_CLIENT, _SERVER = 400, 500


def traffic(context: Context, record: ServiceRecord) -> dict[str, Any]:
    """Return what each deployment counted since it started; a browser that looks again sees what came between."""
    backend = backend_within_reach(context, record)
    versions = []
    for one in versions_of(record):
        text: str | None = None
        if isinstance(backend, SupportsMetrics) and one.get("handle") is not None:
            text = _asked(backend, one["handle"])
        versions.append({"key": one.get("key"), "image": one.get("image"), "counted": counted(text) if text else None})
    return {"versions": versions, "can_count": isinstance(backend, SupportsMetrics)}


def counted(text: str) -> dict[str, Any] | None:
    """Return the counts in a Prometheus exposition.

    ``buckets`` are cumulative, as ``[seconds, requests]``; the last one's bound is null. None where the text is none.
    """
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415  of the extra "server"

    totals = {"requests": 0, "client_errors": 0, "server_errors": 0}
    buckets: dict[float, int] = {}
    seconds = 0.0
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == _REQUESTS:
                    _add(totals, sample.labels.get("status", ""), int(sample.value))
                elif sample.name == f"{_SECONDS}_bucket":
                    bound = float(sample.labels["le"])
                    buckets[bound] = buckets.get(bound, 0) + int(sample.value)
                elif sample.name == f"{_SECONDS}_sum":
                    seconds += sample.value
    except (ValueError, KeyError, OverflowError):
        return None
    shown = [[None if math.isinf(bound) else bound, many] for bound, many in sorted(buckets.items())]
    return {**totals, "seconds": seconds, "buckets": shown}


def _add(totals: dict[str, int], status: str, many: int) -> None:
    code = int(status) if status.isdecimal() else 0
    totals["requests"] += many
    totals["client_errors"] += many if _CLIENT <= code < _SERVER else 0
    totals["server_errors"] += many if code >= _SERVER else 0


def _asked(backend: SupportsMetrics, handle: Any) -> str | None:
    try:
        return backend.metrics(handle)
    except AmlError:
        return None
