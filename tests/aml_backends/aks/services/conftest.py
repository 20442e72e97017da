from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.kubernetes import INSTALL, Kubernetes, find_programs
from services.pod_metrics import running_metrics_server
from services.requirements import require_service

from aml_plugins import Workspace


@pytest.fixture
def workspace(serving_home: Path, kubernetes: Kubernetes) -> Iterator[Workspace]:
    """A workspace with the cluster of the tests as the compute target ``prod``."""
    workspace = Workspace.get()
    workspace.attach_compute("aks", "prod", kubeconfig=str(kubernetes.kubeconfig))
    yield workspace
    workspace.close()


@pytest.fixture
def pod_metrics(kubernetes: Kubernetes) -> Iterator[None]:
    """The cluster knows how busy its pods are."""
    programs = find_programs()
    require_service("Kubernetes", programs, INSTALL)
    assert programs is not None
    with running_metrics_server(programs, kubernetes):
        yield
