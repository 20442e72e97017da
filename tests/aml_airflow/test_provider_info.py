"""Airflow discovers the provider, and looking at it costs nothing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from aml_airflow.get_provider_info import get_provider_info

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("operators", "sensors", "triggers", "hooks")
MODULES = [module for kind in KINDS for entry in get_provider_info()[kind] for module in entry["python-modules"]]


def test_the_description_is_what_airflow_wants():
    spec = importlib.util.find_spec("airflow")
    schema = Path(spec.origin).with_name("provider_info.schema.json")
    jsonschema.validate(get_provider_info(), json.loads(schema.read_text()))


def test_the_package_name_is_the_distributions():
    assert get_provider_info()["package-name"] == importlib.metadata.distribution("aml-plugins").name


def test_every_module_it_names_is_there():
    for module in MODULES:
        assert importlib.util.find_spec(module) is not None


@pytest.mark.xdist_group("airflow")
def test_airflow_sees_the_provider(worker):
    found = worker.ask("providers")
    assert found["version"] == importlib.metadata.version("aml-plugins")
    assert found["operators"] == get_provider_info()["operators"]


_PARSE = """
import runpy, sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise AssertionError(f"parsing asked the network: {event} {arguments}")

sys.addaudithook(refuse)
for name in sys.argv[1:]:
    runpy.run_path(name) if name.endswith(".py") else __import__(name)
heavy = [name for name in sys.modules if name.split(".")[0] in ("mlflow", "rattler", "azure")]
ours = [name for name in sys.modules if name.startswith("aml_plugins.store")]
assert not heavy + ours, heavy + ours
"""


@pytest.mark.xdist_group("airflow")
def test_parsing_a_dag_loads_neither_mlflow_nor_the_store_and_asks_no_network(airflow):
    examples = sorted(map(str, (ROOT / "dags").glob("*.py")))
    assert len(examples) > 5
    command = [sys.executable, "-c", _PARSE, *MODULES, *examples]
    done = subprocess.run(command, env=airflow.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_description_itself_imports_nothing():
    script = (
        "import sys; before = set(sys.modules); import aml_airflow.get_provider_info;"
        "new = {name.split('.')[0] for name in set(sys.modules) - before};"
        "assert new - set(sys.stdlib_module_names) == {'aml_airflow'}, new"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
