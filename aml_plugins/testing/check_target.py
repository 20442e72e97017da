"""The kit on a target that ``aml plugins check`` names; run by pytest in a process of its own.

``AML_CHECK_TARGET`` holds the target as JSON: ``{"type", "name", "workspace", "config", "home", "module"}``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aml_plugins.compute import ComputeBackend, ComputeTarget
from aml_plugins.compute.targets import load_backend_type, validate_config
from aml_plugins.plugins import default_plugins
from aml_plugins.testing.compute_contract import ComputeBackendContract

TARGET = json.loads(os.environ.get("AML_CHECK_TARGET", "{}"))


class TestTarget(ComputeBackendContract):
    """Every obligation, on the target of the environment variable."""

    factory_module = str(TARGET.get("module", ""))

    @pytest.fixture
    def backend(self) -> Iterator[ComputeBackend]:
        backend_type = load_backend_type(default_plugins(), TARGET["type"])
        backend = backend_type(
            ComputeTarget(
                workspace=TARGET["workspace"],
                name=TARGET["name"],
                type=TARGET["type"],
                config=validate_config(backend_type, TARGET["type"], TARGET["config"]),
                home=Path(TARGET["home"]),
            )
        )
        yield backend
        backend.close()
