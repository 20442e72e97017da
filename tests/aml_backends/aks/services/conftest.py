from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services.kubernetes import Kubernetes

from aml_plugins import Workspace


@pytest.fixture
def workspace(aml_home: Path, built_environments: Path, kubernetes: Kubernetes) -> Iterator[Workspace]:
    """A workspace with the cluster of the tests as the compute target ``prod``."""
    (aml_home / "environments").symlink_to(built_environments)
    workspace = Workspace.get()
    workspace.attach_compute("aks", "prod", kubeconfig=str(kubernetes.kubeconfig))
    yield workspace
    workspace.close()
