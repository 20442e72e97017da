"""The resource manager as a whole (filled in next)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.exchange import Answer, Request
from aml_plugins.testing.azure_emulator.settings import Settings
from aml_plugins.testing.swagger import Specification


class ArmService:
    def __init__(self, settings: Settings, engine: Engine, directory: Path, specification: Specification) -> None:
        self._x = settings, engine, directory, specification

    def knows(self, path: str) -> bool:
        return path.lower().startswith(("/subscriptions", "/providers"))

    def answer(self, request: Request) -> Answer:
        return Answer(404)

    def refusal(self, status: int, headers: Mapping[str, str]) -> Answer:
        return Answer(status, {"error": {"code": "x", "message": "y"}}, headers)

    def close(self) -> None:
        pass
