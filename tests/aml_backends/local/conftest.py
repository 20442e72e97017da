from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aml_backends.local.backend import LocalBackend
from aml_backends.local.config import LocalConfig
from aml_plugins.compute import ComputeTarget
from aml_plugins.runs.runner.processes import processes_of_job
from aml_plugins.testing.jobs import clean_up, wait_until


def make_backend(home: Path, **config: object) -> LocalBackend:
    return LocalBackend(
        ComputeTarget(
            workspace="default", name="here", type="local", config=LocalConfig.model_validate(config), home=home
        )
    )


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalBackend]:
    backend = make_backend(tmp_path / "home")
    yield backend
    keys = [handle.job_id for handle in backend.list_jobs()]
    for handle in list(backend.list_jobs()):
        clean_up(backend, handle)
    # A runner that was just starting sees that its job is gone, and ends by itself.
    wait_until(lambda: not [pid for key in keys for pid in processes_of_job(key)])
