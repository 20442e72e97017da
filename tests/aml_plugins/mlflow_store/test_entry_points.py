"""MLflow's plugin loader skips what fails to import: only a fresh interpreter shows whether ours loads."""

from __future__ import annotations

import json

import pytest

REGISTRIES = """
import json, sys, warnings
warnings.simplefilter("error", UserWarning)
from mlflow.tracking._tracking_service.utils import _tracking_store_registry as tracking  # noqa: TID253  what is tested
from mlflow.tracking._model_registry.utils import _get_store_registry  # noqa: TID253
from mlflow.tracking._workspace.registry import _get_workspace_store_registry  # noqa: TID253
registries = (tracking, _get_store_registry(), _get_workspace_store_registry())
print(json.dumps([sorted(key for key in registry._registry if key.startswith("aml+")) for registry in registries]))
"""


def test_mlflow_knows_our_schemes(python):
    done = python("-c", REGISTRIES)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["aml+postgresql", "aml+sqlite"]] * 3


def test_the_server_knows_our_schemes(python):
    done = python(
        "-c",
        "from mlflow.server.handlers import _tracking_store_registry as a, _model_registry_store_registry as b;"
        "print('aml+sqlite' in a._registry, 'aml+sqlite' in b._registry)",
    )
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_scorers_are_kept_in_our_store(python, tmp_path):
    listed = python(
        "-m", "mlflow", "scorers", "list", "-x", "0", MLFLOW_TRACKING_URI=f"aml+sqlite:///{tmp_path}/new.db"
    )
    assert listed.returncode == 0, listed.stderr


@pytest.mark.parametrize("uri", ["sqlite_uri", "aml_postgresql_uri"])
def test_mlflow_upgrades_a_database_by_our_uri(python, request, uri):
    done = python("-m", "mlflow", "db", "upgrade", request.getfixturevalue(uri))
    assert done.returncode == 0, done.stderr
    assert "Updating database tables" in done.stderr


def test_a_plain_client_opens_our_uri_and_leaves_nothing_in_the_working_directory(python, tmp_path):
    code = "import mlflow; mlflow.log_metric('m', 1); mlflow.log_text('x', 'a.txt'); print(mlflow.get_artifact_uri())"
    done = python("-c", code, MLFLOW_TRACKING_URI=f"aml+sqlite:///{tmp_path}/new.db")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{(tmp_path / 'artifacts').as_uri()}/0/")
    assert list((tmp_path / "artifacts").rglob("a.txt"))
    assert not list((tmp_path / "elsewhere").iterdir())


def test_importing_the_entry_points_imports_neither_mlflow_nor_sqlalchemy(python):
    done = python(
        "-c", "import sys, aml_plugins.mlflow_store; print([m for m in ('mlflow', 'sqlalchemy') if m in sys.modules])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_mlflow_finds_the_project_backend(python):
    done = python("-c", "from mlflow.projects.backend import loader; print(type(loader.load_backend('aml')).__name__)")
    assert done.stdout.strip() == "AmlProjectBackend", done.stderr


@pytest.mark.parametrize(("switch", "expected"), [("", "True"), ("0", "False")])
def test_the_fast_store_can_be_switched_off(python, switch, expected):
    code = "from aml_plugins.mlflow_store.tracking import TrackingStore as T"
    code += "; print(any('.fast.' in base.__module__ for base in T.__mro__))"
    done = python("-c", code, AML_FAST_STORE=switch)
    assert done.stdout.strip() == expected, done.stderr
