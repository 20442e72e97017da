from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.container_registry import INSTALL, find_program, running_registry
from services.requirements import require_service
from services.serving import Serving

from aml_plugins import Workspace


@pytest.fixture
def serving(aml_home: Path, built_environments: Path, tmp_path: Path) -> Iterator[Serving]:
    (aml_home / "environments").symlink_to(built_environments)
    workspace = Workspace.get()
    yield Serving(workspace, tmp_path)
    workspace.close()


@pytest.fixture(scope="session")
def registry_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the registry keeps what was pushed."""
    return tmp_path_factory.mktemp("registry") / "data"


@pytest.fixture(scope="session")
def registry(registry_data: Path) -> Iterator[str]:
    """The address of a registry that wants a password."""
    program = find_program()
    require_service("A container registry", program, INSTALL)
    with running_registry(str(program), registry_data.parent) as address:
        yield address
