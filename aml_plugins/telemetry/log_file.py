"""The type ``log-file``: one JSON line a span or measurement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from aml_plugins.errors import StoreError
from aml_plugins.home import aml_home
from aml_plugins.operator_limits import check_directory_is_served
from aml_plugins.plugins.settings import AbsolutePath
from aml_plugins.telemetry.contract import ExporterConfig, Measurement, Span, TelemetryExporter

__all__ = ["LogFileConfig", "LogFileExporter"]


class LogFileConfig(ExporterConfig):
    """Settings of a log file."""

    path: AbsolutePath | None = Field(None, description="The file; default: $AML_HOME/telemetry.jsonl.")


class LogFileExporter(TelemetryExporter):
    """Appends lines, each in one write: several processes may share a file."""

    type_name = "log-file"
    config_model: ClassVar[type[ExporterConfig]] = LogFileConfig
    config: LogFileConfig

    @property
    def path(self) -> Path:
        """Where the lines go."""
        return Path(self.config.path) if self.config.path else aml_home() / "telemetry.jsonl"

    def export(self, spans: Sequence[Span], measurements: Sequence[Measurement]) -> None:
        if self.config.path:
            check_directory_is_served(self.path.parent, "the telemetry's log file")
        lines = [_line("span", span, ("start", "end")) for span in spans]
        lines += [_line("measurement", measurement, ("time",)) for measurement in measurements]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                file.write("".join(lines).encode())
        except OSError as error:
            raise StoreError(
                f"Telemetry cannot be written to '{self.path}': {error.strerror}.", "Give it another path."
            ) from error

    def check(self) -> str:
        self.export((), ())
        return f"writes to '{self.path}'"


def _line(kind: str, value: Span | Measurement, times: Sequence[str]) -> str:
    shown: dict[str, Any] = {"type": kind, **asdict(value)}
    for name in times:
        shown[name] = datetime.fromtimestamp(shown[name], tz=UTC).isoformat()
    return json.dumps(shown, ensure_ascii=False) + "\n"
