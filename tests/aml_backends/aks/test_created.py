"""A cluster is created, runs a script and is deleted: Azure is the emulator, whose cluster is a real Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services.azurite import Azurite
from services.kubernetes import Kubernetes

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.store.records import DatastoreRecord
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings

pytestmark = pytest.mark.xdist_group("kubernetes")  # one cluster, for all
IMAGE = "aml.test/python:1"
SCRIPT = """
import os, pathlib
pathlib.Path("outputs/where.txt").write_text(os.environ["KUBERNETES_SERVICE_HOST"])
print("ran in a pod", flush=True)
"""


@pytest.fixture
def azure(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureEmulator]:
    with AzureEmulator(Settings(validate=True, kubeconfig=kubernetes.kubeconfig)) as emulator:
        monkeypatch.setenv("AZURE_TENANT_ID", emulator.settings.tenant)
        monkeypatch.setenv("AZURE_CLIENT_ID", "00000000-0000-0000-0000-000000000009")
        monkeypatch.setenv("AZURE_CLIENT_SECRET", "not a secret")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(emulator.certificate))
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def workspace(
    aml_home: Path, datastore_settings: dict[str, str], azurite: Azurite, monkeypatch: pytest.MonkeyPatch
) -> Workspace:
    monkeypatch.setenv("KEY", azurite.key)
    workspace = Workspace.create("team-a")
    blobs = DatastoreRecord(workspace="team-a", name="blobs", type="azure-blob", config=dict(datastore_settings))
    workspace.context.store.datastores.add(blobs)
    workspace.update(default_datastore="blobs")
    return workspace


def test_a_run_on_a_cluster_that_was_just_created(
    azure: AzureEmulator, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    group = f"/subscriptions/{azure.settings.subscription}/resourceGroups/team"
    settings: dict[str, Any] = {
        "resource_id": f"{group}/providers/Microsoft.ContainerService/managedClusters/prod",
        "endpoint": azure.https_url,
        "authority": azure.https_url,
        "image": IMAGE,
    }
    created = workspace.create_compute("aks", "cluster", **settings, location="westeurope")
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    run = Experiment(workspace, "iris").submit(ScriptRunConfig(source, script="train.py", compute_target="cluster"))
    created.wait_for_completion()  # the run waits for it, too
    run.wait_for_completion(show_output=True)
    assert run.status == "Completed"
    assert "ran in a pod" in capsys.readouterr().out
    assert run.download_file("outputs/where.txt", tmp_path).read_text()
    workspace.delete_compute("cluster", wait=True)
    assert "cluster" not in workspace.compute_targets
