"""Services that any test may ask for by a fixture."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Tests are imported by path (import mode "importlib"), which makes nothing here importable by name.
sys.path.insert(0, str(Path(__file__).parent))

from services import azurite as azurite_service
from services import kubernetes as kubernetes_service
from services import livy as livy_service
from services import spark_connect as connect_service
from services.aml_server import AmlServer, running_aml_server
from services.bridges import bridge_name, own_bridge
from services.collecting import pytest_collection
from services.container_image import python_image
from services.docker_engine import INSTALL as DOCKER_INSTALL
from services.docker_engine import DockerEngine, find_engine, running_engine
from services.group_end import pytest_runtest_teardown
from services.postgresql import INSTALL, PostgresqlServer, find_programs, running_server
from services.requirements import require_service
from services.selection import pytest_collection_modifyitems
from services.shared_directories import made_once, shared_directory
from services.skips import pytest_make_collect_report, pytest_runtest_makereport

__all__ = [
    "pytest_collection",
    "pytest_collection_modifyitems",
    "pytest_make_collect_report",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
]

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator import AzureEmulator


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with MLflow's and our tables: making one costs seconds, copying it none."""
    return made_once(tmp_path_factory, "migrated.db", _migrate)


def _migrate(path: Path) -> None:
    from aml_plugins.mlflow_store.workspaces import list_workspaces

    original = path.with_suffix(".original")
    list_workspaces(f"aml+sqlite:///{original}")
    with sqlite3.connect(original) as source, sqlite3.connect(path) as target:
        source.backup(target)


@pytest.fixture(scope="session")
def built_environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments that are built once for all tests that link to them, in whichever process these run."""
    return shared_directory(tmp_path_factory, "built-environments")


@pytest.fixture(scope="session")
def built_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers that are packed once for all tests that link to them, in whichever process these run."""
    return shared_directory(tmp_path_factory, "built-images")


@pytest.fixture
def aml_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, migrated_database: Path) -> Path:
    """A home with the embedded defaults and empty tables, and nothing of ours in the environment."""
    for name in list(os.environ):
        if name.startswith(("AML_", "MLFLOW_")):
            monkeypatch.delenv(name)
    home = tmp_path / "aml-home"
    home.mkdir()
    shutil.copyfile(migrated_database, home / "aml.db")
    monkeypatch.setenv("AML_HOME", str(home))
    monkeypatch.setenv("AML_AUTO_MONITOR", "0")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)  # no .aml/config.yaml above
    return home


@pytest.fixture(scope="session")
def aml_server(tmp_path_factory: pytest.TempPathFactory, migrated_database: Path) -> Iterator[AmlServer]:
    """The server of this test process, with ``team-a`` and ``team-b``; without authentication and monitor."""
    with running_aml_server(tmp_path_factory.mktemp("server"), database=migrated_database) as server:
        from aml_plugins.mlflow_store.workspaces import create_workspace

        for name in ("team-a", "team-b"):
            create_workspace(server.store_uri, name)
        yield server


@pytest.fixture(scope="session")
def engine() -> Iterator[DockerEngine]:
    """A Docker engine; whoever asks for it runs in the one process that has it (see ``services.selection``)."""
    found = find_engine()
    require_service("Docker's engine", found, DOCKER_INSTALL)
    assert found is not None
    with running_engine(found) as started:
        yield started


@pytest.fixture(scope="session")
def networked_engine() -> Iterator[DockerEngine]:
    """An engine whose containers have a network: those of services that are called."""
    found = find_engine()
    require_service("Docker's engine", found, DOCKER_INSTALL)
    with own_bridge() as subnet, running_engine(str(found), bridge_name(subnet)) as engine:
        yield engine


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of this test process, started by the first test that asks for it."""
    programs = find_programs()
    require_service("PostgreSQL", programs, INSTALL)
    assert programs is not None
    with running_server(programs) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_statements(postgresql: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a PostgreSQL server loads to have a database with MLflow's and our tables, as ``migrated_database`` has."""

    def make(path: Path) -> None:
        from aml_plugins.mlflow_store.workspaces import list_workspaces

        name = postgresql.create_database()
        list_workspaces(f"aml+{postgresql.uri(name)}")
        postgresql.dump(name, path)

    return made_once(tmp_path_factory, "migrated.sql", make)


@pytest.fixture
def postgresql_uri(postgresql: PostgresqlServer) -> Iterator[str]:
    """An empty database, ``postgresql://…``."""
    name = postgresql.create_database()
    yield postgresql.uri(name)
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def azurite() -> Iterator[azurite_service.Azurite]:
    """An Azurite of this test process, started by the first test that asks for it."""
    program = azurite_service.find_program()
    require_service("Azurite", program, azurite_service.INSTALL)
    assert program is not None
    with azurite_service.running_azurite(program) as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureEmulator]:
    """An Azure of this test process; all that it was asked and answered is what Microsoft specifies."""
    from aml_plugins.testing.azure_emulator import AzureEmulator, Settings

    with AzureEmulator(Settings(validate=True)) as emulator:
        yield emulator
        assert emulator.violations == []


@pytest.fixture(scope="session")
def spark_home() -> Path:
    """Where Apache Spark is."""
    home = connect_service.find_spark("spark")
    require_service("Apache Spark", home, "tools/spark install")
    assert home is not None
    return home


@pytest.fixture(scope="session")
def livy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[livy_service.LivyServer]:
    """A Livy of this test process; tests that want it are of the group ``livy``."""
    programs = livy_service.find_livy()
    require_service("Apache Livy", programs, livy_service.INSTALL)
    assert programs is not None
    with livy_service.running_livy(programs, tmp_path_factory.mktemp("livy")) as server:
        yield server


@pytest.fixture(scope="session")
def spark_connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[connect_service.SparkConnectServer]:
    """A Spark Connect server of this test process; tests that want it are of the group ``spark-connect``."""
    home = connect_service.find_spark()
    require_service("Spark Connect", home, connect_service.INSTALL)
    assert home is not None
    with connect_service.running_spark_connect(home, tmp_path_factory.mktemp("spark-connect")) as server:
        yield server


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubernetes_service.Kubernetes]:
    """A cluster of this test process, with an image; tests that want it are of the group ``kubernetes``."""
    programs = kubernetes_service.find_programs()
    require_service("Kubernetes", programs, kubernetes_service.INSTALL)
    assert programs is not None
    directory = Path(tempfile.mkdtemp(prefix="aml-k8s-"))  # sockets below it may not have long paths
    with kubernetes_service.running_kubernetes(programs, directory, with_services=True) as cluster:
        cluster.import_image(python_image(tmp_path_factory.mktemp("image"), cluster.image))
        yield cluster
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def emulators_engine() -> Iterator[DockerEngine]:
    """An engine for the containers of the Azure emulator: it asks the command ``docker``, as its users do."""
    found = find_engine()
    require_service("Docker's engine", found and shutil.which("docker"), DOCKER_INSTALL)
    assert found is not None
    with running_engine(found) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", engine.address)
        yield engine
