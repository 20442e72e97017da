"""The exporters that come with us, and the observer that feeds the one that a workspace chose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aml_plugins.hookspecs import TypeDescription, hookimpl
from aml_plugins.telemetry.surroundings import observed_in

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord, TaskEvent

__all__ = ["aml_run_finished", "aml_task_event", "aml_telemetry_exporter_types"]


@hookimpl
def aml_telemetry_exporter_types() -> Iterable[TypeDescription]:
    """Describe where telemetry can go."""
    return [
        TypeDescription(
            name="log-file",
            factory="aml_plugins.telemetry.log_file:LogFileExporter",
            summary="JSON lines in a file.",
        ),
        TypeDescription(
            name="otlp",
            factory="aml_plugins.telemetry.otlp:OtlpExporter",
            summary="OpenTelemetry's protocol over HTTP.",
            extra="server",
        ),
    ]


@hookimpl
def aml_task_event(event: TaskEvent) -> None:
    """Count runs by the states that they reach."""
    surroundings = observed_in()
    if surroundings is not None and event.kind == "run" and event.new is not None:
        from aml_plugins.telemetry.observing import count_state  # noqa: PLC0415  for those who switched it on

        count_state(surroundings, event)


@hookimpl
def aml_run_finished(run: RunRecord) -> None:
    """Send a finished run as a trace, with its durations."""
    surroundings = observed_in()
    if surroundings is not None:
        from aml_plugins.telemetry.observing import send_run  # noqa: PLC0415  for those who switched it on

        send_run(surroundings, run)
