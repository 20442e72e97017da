from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.kubernetes import Kubernetes

from aml_plugins import Workspace


@pytest.fixture
def workspace(serving_home: Path, kubernetes: Kubernetes) -> Iterator[Workspace]:
    """A workspace with the cluster of the tests as the compute target ``prod``."""
    workspace = Workspace.get()
    workspace.attach_compute("aks", "prod", kubeconfig=str(kubernetes.kubeconfig))
    yield workspace
    workspace.close()
