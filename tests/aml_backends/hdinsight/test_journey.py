"""A cluster is created, runs a script that lies in its storage, and everything comes back to MLflow; it is deleted.

Azure is the emulator, its storage is Azurite, which Spark reaches by Hadoop's own driver; Livy and Spark are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from services.azure import identity
from services.azurite import Azurite
from services.cluster_storage import INSTALL, find_driver, give_storage
from services.livy import LivyServer
from services.livy_gateway import LivyGateway, running_livy_gateway
from services.requirements import require_service

from aml_backends.azure.resources import client_options
from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.testing.azure_emulator import AzureEmulator

pytestmark = pytest.mark.xdist_group("livy")  # one server, for all
Capture = pytest.CaptureFixture[str]
COUNT = """
import pathlib, sys
from azureml.core import Run
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(100).filter("id % 2 = 0").selectExpr("string(id)").write.text(sys.argv[1])
rows = spark.read.text(sys.argv[1]).count()
Run.get_context().log("rows", rows)
pathlib.Path("outputs/rows.txt").write_text(str(rows))
print("counted", rows, flush=True)
"""


@pytest.fixture
def gateway(livy: LivyServer) -> Iterator[LivyGateway]:
    with running_livy_gateway(livy) as gateway:
        yield gateway


@pytest.fixture
def storage(livy: LivyServer, azurite: Azurite) -> Iterator[str]:
    """The address of a container of an account that Spark knows by its public name."""
    driver = find_driver()
    require_service("Hadoop's driver for Azure's storage", driver, INSTALL)
    assert driver is not None
    host = give_storage(livy, azurite, driver)
    yield f"wasb://{azurite.create_container()}@{host}"
    livy.set_defaults({})


@pytest.fixture
def settings(
    azure: AzureEmulator, azurite: Azurite, gateway: LivyGateway, storage: str, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    for name, value in {**identity(azure), "PASSWORD": "open hunter2", "STORAGE": azurite.connection_string}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KEY", azurite.key)
    group = f"/subscriptions/{azure.settings.subscription}/resourceGroups/journey"
    return {
        "resource_id": f"{group}/providers/Microsoft.HDInsight/clusters/spark",
        "endpoint": azure.https_url,
        "authority": azure.https_url,
        "url": gateway.url,
        "password": "secret://env/PASSWORD",
        "staging": f"{storage}/aml",
        "storage_options": {"account_key": "secret://env/KEY", "connection_string": "secret://env/STORAGE"},
        "location": "westeurope",
        "ssh_public_key": "ssh-ed25519 AAAA me",
    }


@pytest.mark.usefixtures("aml_home")
def test_a_cluster_is_created_runs_a_script_and_is_deleted(
    azure: AzureEmulator, settings: dict[str, Any], gateway: LivyGateway, tmp_path: Path, capsys: Capture
) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "count.py").write_text(COUNT)
    workspace = Workspace.create("team-a")
    workspace.create_compute("hdinsight", "cluster", wait=True, **settings)
    gateway.password = _password(azure)
    config = ScriptRunConfig(
        source, script="count.py", arguments=[f"{settings['staging']}-rows"], compute_target="cluster"
    )
    run = Experiment(workspace, "words").submit(config)
    run.wait_for_completion(show_output=True)
    assert run.status == "Completed"
    assert "counted 50" in capsys.readouterr().out
    assert run.get_metrics() == {"rows": 50.0}
    assert run.download_file("outputs/rows.txt", tmp_path).read_text() == "50"
    assert "DAGScheduler: Job 0 finished" in run.download_file("logs/spark.txt", tmp_path).read_text()
    assert list(workspace.context.backends.get("team-a", "cluster").list_jobs()) == []
    assert workspace.delete_compute("cluster", wait=True).state == "Deleted"


def _password(azure: AzureEmulator) -> str:
    """Return what the cluster was told of its gateway."""
    from azure.mgmt.hdinsight import HDInsightManagementClient

    options = client_options(azure.https_url, azure.https_url)
    with HDInsightManagementClient(subscription_id=azure.settings.subscription, **options) as client:
        assert client.clusters.get("journey", "spark").properties.cluster_definition.configurations is None
        return str(client.clusters.get_gateway_settings("journey", "spark").password)
