"""From an Airflow connection to a workspace: what people type in, and what Airflow makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from services.airflow_versions import since_airflow

from aml_plugins import Workspace

pytestmark = [pytest.mark.xdist_group("airflow"), pytest.mark.timeout(900)]

LOOKING = Path(__file__).with_name("looking.py")


@pytest.fixture
def in_airflow(worker):
    """Call a function of ``looking.py`` in the installation, with connections as environment variables have them."""

    def call(function: str, given: Any, **connections: dict[str, Any]) -> Any:
        named = {name: json.dumps(value) for name, value in connections.items()}
        return worker.ask("evaluate", function=f"{LOOKING}:{function}", given=given, connections=named)

    return call


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
    found = in_airflow("stores", [given for given, _ in cases])
    assert found == [uri for _, uri in cases]


def test_the_workspace_is_the_arguments_or_the_connections_or_the_environments(in_airflow):
    Workspace.create("team-a")
    team = {"aml_conn_id": "aml_team"}
    hooks = [
        {},
        team,
        {**team, "workspace": "default"},
        {"aml_conn_id": "aml_nobody"},
        {"store": "aml+postgresql://ann:s3cret@db/mlflow"},
    ]
    default, teams, chosen, nobody, password = in_airflow(
        "workspaces", hooks, aml_team={"conn_type": "aml", "extra": {"workspace": "team-a"}}
    )
    assert (default, teams, chosen) == ("default", "team-a", "default")
    assert nobody.startswith("There is no Airflow connection 'aml_nobody'. Make one: airflow connections add")
    assert password.startswith("The store's URI has a password in it")
    assert "s3cret" not in password


def test_the_test_button_says_what_is_there_and_what_is_not(in_airflow):
    good = {"conn_type": "aml", "extra": {"workspace": "default"}}
    assert in_airflow("test_button", "aml_team", aml_team=good) == [
        True,
        "The workspace 'default' is there, with one compute target.",
    ]
    away = {"conn_type": "aml", "host": "http://127.0.0.1:9", "login": "ann", "password": "s3cret"}
    works, sentence = in_airflow("test_button", "aml_team", aml_team=away)
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
