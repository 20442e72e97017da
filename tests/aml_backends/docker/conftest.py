"""One engine for the session, and targets of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.docker_engine import DockerEngine

from aml_backends.docker.backend import DockerBackend
from aml_backends.docker.config import DockerConfig
from aml_plugins.compute import ComputeTarget
from aml_plugins.testing.jobs import clean_up


@pytest.fixture
def make_backend(engine: DockerEngine, tmp_path: Path) -> Iterator[Callable[..., DockerBackend]]:
    made: list[DockerBackend] = []

    def make_backend(name: str = "boxes", **settings: object) -> DockerBackend:
        wanted = {"engine": engine.address, "image": engine.image, "network": engine.network, **settings}
        target = ComputeTarget(
            workspace="default",
            name=name,
            type="docker",
            config=DockerConfig.model_validate(wanted),
            home=tmp_path / "home",
        )
        made.append(DockerBackend(target))
        return made[-1]

    yield make_backend
    for backend in made:
        for handle in backend.list_jobs():
            clean_up(backend, handle)
        backend.close()


@pytest.fixture
def backend(make_backend: Callable[..., DockerBackend]) -> DockerBackend:
    return make_backend()
