"""From an Airflow connection to a workspace: what people type in, and what Airflow makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from services.airflow_versions import since_airflow

from aml_plugins import Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

_STORES = """
import json, sys
from airflow.sdk import Connection
from aml_airflow.address import store_uri
from aml_plugins.errors import AmlError

def told(given):
    made = Connection.from_uri(given, conn_id="team") if isinstance(given, str) else Connection(conn_id="team", **given)
    try:
        return store_uri(made)
    except AmlError as error:
        return str(error)

print(json.dumps([told(given) for given in json.load(sys.stdin)]))
"""

_TEST_BUTTON = """
import json
from aml_airflow.hooks.aml import AmlHook
from airflow.sdk import BaseHook

hook = BaseHook.get_connection("aml_team").get_hook()
assert isinstance(hook, AmlHook), hook
print(json.dumps(hook.test_connection()))
"""

_WORKSPACES = """
import json
from aml_airflow.hooks.aml import AmlHook
from aml_plugins.errors import AmlError

def told(*given, **more):
    try:
        return AmlHook(*given, **more).get_conn().name
    except AmlError as error:
        return str(error)

print(json.dumps([told(), told("aml_team"), told("aml_team", workspace="default"), told("aml_nobody"),
                  told(store="aml+postgresql://ann:s3cret@db/mlflow")]))
"""


@pytest.fixture
def in_airflow(airflow, aml_home):
    """Run a script in the installation, with connections as environment variables have them; return what it prints."""

    def run(script: str, given: Any = None, **connections: dict[str, Any]) -> Any:
        named = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in connections.items()}
        environment = airflow.environment | {"AML_HOME": str(aml_home), **named}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_connection_names_a_store(in_airflow):
    cases = [
        ({"conn_type": "aml", "host": "https://mlflow.example.com"}, "https://mlflow.example.com"),
        ({"conn_type": "aml", "host": "mlflow", "port": 5000}, "http://mlflow:5000"),
        ({"conn_type": "aml", "host": "mlflow", "schema": "https"}, "https://mlflow"),
        (
            {"conn_type": "aml", "host": "https://mlflow/team", "login": "ann", "password": "a@b:c/d"},
            "https://ann:a%40b%3Ac%2Fd@mlflow/team",
        ),
        (
            {"conn_type": "aml", "host": "aml+postgresql://db/mlflow", "port": 5433, "login": "ann", "password": "x"},
            "aml+postgresql://ann:x@db:5433/mlflow",
        ),
        ({"conn_type": "aml", "host": "aml+sqlite:////srv/aml.db"}, "aml+sqlite:////srv/aml.db"),
        ({"conn_type": "aml"}, None),
        ("aml://ann:x@mlflow:5000/https", "https://ann:x@mlflow:5000"),
        (
            {"conn_type": "aml", "host": "http://ann:s3cret@mlflow"},
            "The host of the connection 'team' has a user in it. Put user and password into the fields of their own.",
        ),
    ]
    found = in_airflow(_STORES, [given for given, _ in cases])
    assert found == [uri for _, uri in cases]


def test_the_workspace_is_the_arguments_or_the_connections_or_the_environments(in_airflow):
    Workspace.create("team-a")
    default, team, chosen, nobody, password = in_airflow(
        _WORKSPACES, aml_team={"conn_type": "aml", "extra": {"workspace": "team-a"}}
    )
    assert (default, team, chosen) == ("default", "team-a", "default")
    assert nobody.startswith("There is no Airflow connection 'aml_nobody'. Make one: airflow connections add")
    assert password.startswith("The store's URI has a password in it")
    assert "s3cret" not in password


def test_the_test_button_says_what_is_there_and_what_is_not(in_airflow):
    good = {"conn_type": "aml", "extra": {"workspace": "default"}}
    assert in_airflow(_TEST_BUTTON, aml_team=good) == [
        True,
        "The workspace 'default' is there, with one compute target.",
    ]
    away = {"conn_type": "aml", "host": "http://127.0.0.1:9", "login": "ann", "password": "s3cret"}
    works, sentence = in_airflow(_TEST_BUTTON, aml_team=away)
    assert not works
    assert "127.0.0.1:9" in sentence
    assert "s3cret" not in sentence


@since_airflow("3.2", "a form's fields in the provider's description")
def test_the_form_has_our_fields(worker):
    form = worker.ask("connection_form", connection_type="aml")
    assert form["name"] == "Azure ML Plugins workspace"
    assert form["fields"] == {"workspace": "Workspace", "server_url": "Address for links"}
    assert form["relabeling"]["host"] == "Server or database"
    assert "schema" in form["hidden"]
