"""What several targets' tests need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from services.container_registry import INSTALL as REGISTRY_INSTALL
from services.container_registry import PASSWORD, USER, find_program, running_registry
from services.requirements import require_service


@pytest.fixture
def serving_home(aml_home: Path, built_environments: Path, built_images: Path) -> Path:
    """A home in which images are built quickly."""
    (aml_home / "environments").symlink_to(built_environments)
    (aml_home / "images").symlink_to(built_images)
    return aml_home


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = find_program()
    require_service("A container registry", program, REGISTRY_INSTALL)
    with running_registry(str(program), tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def image_options(registry: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Any]:
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    settings = {"address": f"http://{registry}", "username": USER, "password": "secret://env/REGISTRY_PASSWORD"}
    return {"registry": settings}
