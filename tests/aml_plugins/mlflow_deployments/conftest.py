from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from aml_plugins import Service, Workspace


@pytest.fixture
def workspace(aml_home: Path, built_environments: Path) -> Iterator[Workspace]:
    (aml_home / "environments").symlink_to(built_environments)
    opened = Workspace.get()
    yield opened
    for service in Service.list(opened):
        with suppress(Exception):
            service.delete()
    opened.close()
