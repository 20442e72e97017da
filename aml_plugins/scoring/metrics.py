"""Counts and durations for Prometheus, where ``prometheus_client`` is installed."""

from __future__ import annotations

from typing import Any

__all__ = ["Metrics", "exposition", "open_metrics"]

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """What ``/metrics`` shows of the requests that were answered."""

    def __init__(self, library: Any) -> None:
        self._requests = library.Counter(
            "aml_scoring_requests", "Requests answered, by path and status.", ["path", "status"]
        )
        self._seconds = library.Histogram(
            "aml_scoring_request_seconds", "Seconds from a request to its answer.", buckets=_BUCKETS
        )
        self._run = library.Histogram("aml_scoring_run_seconds", "Seconds that run() took.", buckets=_BUCKETS)
        # Looking a labelled child up costs more than counting.
        self._children: dict[tuple[str, int], Any] = {}

    def count(self, path: str, status: int, seconds: float, run_seconds: float | None) -> None:
        """Take one answered request down."""
        child = self._children.get((path, status))
        if child is None:
            child = self._children[path, status] = self._requests.labels(path, str(status))
        child.inc()
        self._seconds.observe(seconds)
        if run_seconds is not None:
            self._run.observe(run_seconds)


def open_metrics() -> Metrics | None:
    """Return None where the library is missing."""
    try:
        import prometheus_client
    except ImportError:
        return None
    return Metrics(prometheus_client)


def exposition(directory: str | None) -> tuple[str, bytes]:
    """Return the content type and the text of all metrics: of all processes where they share a directory."""
    import prometheus_client

    if directory is None:
        return prometheus_client.CONTENT_TYPE_LATEST, prometheus_client.generate_latest()
    from prometheus_client import CollectorRegistry, multiprocess

    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=directory)  # type: ignore[no-untyped-call]
    return prometheus_client.CONTENT_TYPE_LATEST, prometheus_client.generate_latest(registry)
