"""What several targets' tests need."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from services.docker_engine import INSTALL, DockerEngine, find_engine, running_engine
from services.requirements import require_service


@pytest.fixture(scope="session")
def emulators_engine() -> Iterator[DockerEngine]:
    """An engine for the containers of the Azure emulator: it asks the command ``docker``, as its users do."""
    found = find_engine()
    require_service("Docker's engine", found and shutil.which("docker"), INSTALL)
    assert found is not None
    with running_engine(found) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine.address)
        yield engine
