"""The documentation as a reader meets it: a page, a new home, the repository's examples."""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from documentation import ROOT
from services.azure import add_pool, delete_pool, identity
from services.azurite import Azurite
from services.bridges import bridge_name, own_bridge
from services.cluster_storage import INSTALL as HADOOP_AZURE
from services.cluster_storage import find_driver, give_storage
from services.container_registry import INSTALL as REGISTRY
from services.container_registry import PASSWORD, find_program, running_registry
from services.docker_engine import INSTALL as DOCKER
from services.docker_engine import find_engine, running_engine
from services.forwarding import forwarded
from services.kubernetes import Kubernetes
from services.livy import LivyServer
from services.livy_gateway import running_livy_gateway
from services.loopback import free_port
from services.requirements import require_service
from services.spark_connect import SparkConnectServer
from services.ssh_machine import INSTALL as SSH_SERVER
from services.ssh_machine import find_server, running_machine
from serving_places import readers_cloud, readers_groups, readers_registry  # noqa: F401  fixtures

from aml_plugins.testing.azure_emulator import AzureEmulator


@pytest.fixture
def readers_machines(reader: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Two machines that let the reader in, in place of those that a page names."""
    program = find_server()
    require_service("OpenSSH's server", program, SSH_SERVER)
    assert program is not None
    with running_machine(program) as one, running_machine(program) as two:
        keys = Path(reader["HOME"]) / ".ssh"
        keys.mkdir(mode=0o700)
        shutil.copy(one.key_file, keys / "id_ed25519")
        shutil.copy(one.directory / "user_key.pub", two.directory / "authorized_keys")
        yield {
            "gpu.example.com": f"127.0.0.1:{one.port}",
            "gpu-2.example.com": f"127.0.0.1:{two.port}",
            "--user me": f"--user {one.user} --python {one.python}",
            "SHA256:FINGERPRINT": f"{one.fingerprint},{two.fingerprint}",
        }


@pytest.fixture
def readers_engine(reader: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """An engine, and an image with Python, in place of the one that a page names."""
    found = find_engine()
    require_service("Docker's engine", found, DOCKER)
    assert found is not None
    with running_engine(found) as engine:
        configuration = Path.cwd() / "docs" / "examples" / "hello" / ".aml" / "boxed.runconfig"
        configuration.write_text(configuration.read_text().replace("example/python:1", engine.image))
        yield {
            "docker boxes": f"docker boxes --network {engine.network} --engine {engine.address}",
            "example/python:1": engine.image,
        }


@pytest.fixture
def readers_storage(azurite: Azurite) -> Mapping[str, str]:
    """A container in place of the one that a page names."""
    return {
        "https://mystorage.blob.core.windows.net": azurite.url,
        "container=aml": f"container={azurite.create_container()}",
        "KEY-OF-THE-STORAGE-ACCOUNT": azurite.key,
    }


@pytest.fixture
def readers_batch(azure: AzureEmulator) -> Iterator[Mapping[str, str]]:
    """A Batch account with a pool in place of the one that a page names."""
    add_pool(azure, "cpu", nodes=1)
    account = f"--account-url {azure.batch_url} --account-name {azure.settings.account}"
    yield {
        "--account-url https://myaccount.westeurope.batch.azure.com": account,
        "KEY-OF-THE-BATCH-ACCOUNT": azure.settings.key,
    }
    for name in ("cpu", "nodes", "spot"):
        delete_pool(azure, name)


@pytest.fixture
def readers_cluster(livy: LivyServer, azurite: Azurite) -> Iterator[Mapping[str, str]]:
    """A Livy behind a gateway in place of a cluster's, a container of Azurite's in place of its storage."""
    driver = find_driver()
    require_service("Hadoop's driver for Azure's storage", driver, HADOOP_AZURE)
    assert driver is not None
    host = give_storage(livy, azurite, driver)
    with running_livy_gateway(livy) as gateway:
        yield {
            "https://spark.azurehdinsight.net/livy": gateway.url,
            "PASSWORD-OF-THE-CLUSTER": gateway.password,
            "abfs://jobs@mystore.dfs.core.windows.net/aml": f"wasb://{azurite.create_container()}@{host}/aml",
            '"account_key"': '"connection_string"',
            "KEY-OF-THE-STORAGE-ACCOUNT": azurite.connection_string,
            "http://127.0.0.1:8998": livy.url,
            "file:///srv/aml": f"file://{livy.shared}/page-of-none",
        }
    livy.set_defaults({})


@pytest.fixture
def readers_spark(spark_home: Path, spark_connect: SparkConnectServer, reader: dict[str, str]) -> Mapping[str, str]:
    """A Spark, and a server of Spark Connect in place of the one that a page names."""
    reader |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
    python = spark_home.parents[3] / "bin" / "python"
    return {
        "spark here": f"spark here --set spark_home={spark_home} --python {python}",
        "spark far": f"spark far --python {spark_connect.python}",
        "sc://spark.example.com:15002": spark_connect.address,
        "TOKEN-OF-THE-SERVER": spark_connect.token,
    }


@pytest.fixture
def readers_subscription(azure: AzureEmulator, reader: dict[str, str]) -> Iterator[Mapping[str, str]]:
    """A subscription and an identity, and an engine for the containers that Azure would run."""
    found = find_engine()
    require_service("Docker's engine", found and shutil.which("docker"), DOCKER)
    assert found is not None
    with running_engine(found) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine.address)
        reader |= identity(azure)  # the test types with it
        there = f"--endpoint {azure.https_url} --authority {azure.https_url} --image {engine.image}"
        yield {
            "--subscription SUBSCRIPTION-ID": f"--subscription {azure.settings.subscription} {there}",
            "--resource-group ml": f"--resource-group ml-{uuid.uuid4().hex[:8]}",
        }


@pytest.fixture
def readers_hub(azure: AzureEmulator, reader: dict[str, str], tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A hub with a device that runs what it is told, and a registry, in place of those that a page names."""
    found, program = find_engine(), find_program()
    require_service("Docker's engine", found and shutil.which("docker"), DOCKER)
    require_service("A container registry", program, REGISTRY)
    (registry := tmp_path / "registry").mkdir()
    with (
        own_bridge() as subnet,
        running_engine(str(found), bridge_name(subnet)) as engine,
        pytest.MonkeyPatch.context() as patch,
        running_registry(str(program), registry) as images,
    ):
        patch.setenv("DOCKER_HOST", engine.address)
        reader["REQUESTS_CA_BUNDLE"] = str(azure.certificate)
        name = f"edge-{uuid.uuid4().hex[:8]}"
        address = azure.add_edge_device(name, site=name)
        yield {
            "my-hub.azure-devices.net": azure.https_url.removeprefix("https://"),
            "KEY-OF-THE-POLICY": azure.settings.key,
            "--device edge-3": f"--device {name}",
            "device edge-3:": f"device {name}:",
            "edge-3.example.com": address,
            "tags.site='north'": f"tags.site='{name}'",
            "8080": str(free_port()),
            "address=registry.example.com": f"address=http://{images}",
            "PASSWORD-OF-THE-REGISTRY": PASSWORD,
        }


@pytest.fixture
def readers_kubernetes(
    kubernetes: Kubernetes, azurite: Azurite, readers_storage: Mapping[str, str], reader: dict[str, str]
) -> Iterator[Mapping[str, str]]:
    """A cluster, and a way from its pods to the storage that the page names."""
    reader["KUBECONFIG"] = str(kubernetes.kubeconfig)
    with forwarded(kubernetes.address, urlsplit(azurite.url).port or 0) as port:
        yield {
            **readers_storage,
            "https://mystorage.blob.core.windows.net": f"http://{kubernetes.address}:{port}/{azurite.account}",
            "--set context=prod --set namespace=training": f"--set image={kubernetes.image}",
        }


@pytest.fixture
def readers_clusters(azure: AzureEmulator, reader: dict[str, str]) -> Mapping[str, str]:
    """A subscription for clusters that a page creates, and an identity that may."""
    reader |= identity(azure)
    place = f"/subscriptions/{azure.settings.subscription}/"
    options = f"--location westeurope --endpoint {azure.https_url} --authority {azure.https_url}"
    arguments = f'location="westeurope", endpoint="{azure.https_url}", authority="{azure.https_url}"'
    return {
        "/subscriptions/ID/": place,
        "--location westeurope": options,
        'location="westeurope"': arguments,
        "$(cat ~/.ssh/id_ed25519.pub)": "ssh-ed25519 AAAA me",
    }


@pytest.fixture
def reader(
    aml_home: Path, built_images: Path, built_environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """The environment of somebody who never set anything: all is below ``HOME``; the examples are copies.

    Layers and environments of images are those of other tests: a machine makes them once, not once a page.
    """
    home = tmp_path / "reader"
    home.mkdir()
    aml_home.rename(home / ".aml")
    (home / ".aml" / "images").symlink_to(built_images)
    (home / ".aml" / "environments").symlink_to(built_environments)
    monkeypatch.delenv("AML_HOME")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)  # every command imports MLflow again
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip's word for "do not fetch what builds": it is installed here
    shutil.copytree(ROOT / "docs" / "examples", Path.cwd() / "docs" / "examples")
    shutil.copytree(ROOT / "dags", Path.cwd() / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    return dict(os.environ)
