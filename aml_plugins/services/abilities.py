"""What some service types can do besides; absence means "unsupported"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from aml_plugins.json_types import JsonObject
    from aml_plugins.store.records import ServiceRecord

__all__ = ["SupportsAddress", "SupportsMetrics"]


@runtime_checkable
class SupportsAddress(Protocol):
    """A type that knows by itself where its services answer, whatever the row says."""

    def address(self, service: ServiceRecord) -> str | None:
        """Return the service's address as seen from this machine, without a path; None while it has none."""
        ...


@runtime_checkable
class SupportsMetrics(Protocol):
    """A type whose deployments count their requests."""

    def metrics(self, handle: JsonObject) -> str | None:
        """Return what one deployment counted since it started, in Prometheus' text format; look once, never wait.

        Shown are ``aml_scoring_requests_total`` and ``aml_scoring_request_seconds``, as the scoring server has them.
        None where it cannot be had now.
        """
        ...
