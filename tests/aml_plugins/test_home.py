"""Where the store and the workspace are found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.home import aml_home, home_id, resolve_store_uri, resolve_workspace, write_config

_VARIABLES = ("AML_HOME", "AML_STORE_URI", "MLFLOW_TRACKING_URI", "AML_WORKSPACE", "MLFLOW_WORKSPACE")


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Path:
    """An empty project below a directory without configuration; the working directory is deeper in it."""
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    deep = tmp_path / "project" / "src" / "deep"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    return tmp_path / "project"


def test_the_home_is_in_the_users_unless_told_otherwise(tmp_path, monkeypatch):
    assert aml_home() == tmp_path / "home" / ".aml"
    monkeypatch.setenv("AML_HOME", "~/elsewhere")
    assert aml_home() == tmp_path / "home" / "elsewhere"


def test_the_store_is_asked_for_in_this_order(tmp_path, project, monkeypatch):
    assert resolve_store_uri(None) == f"aml+sqlite:///{tmp_path}/home/.aml/aml.db"
    write_config(project, "aml+postgresql://from/file", None)
    assert resolve_store_uri(None) == "aml+postgresql://from/file"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://from-mlflow:5000")
    assert resolve_store_uri(None) == "http://from-mlflow:5000"
    monkeypatch.setenv("AML_STORE_URI", "postgresql://from/variable")
    assert resolve_store_uri(None) == "postgresql://from/variable"
    assert resolve_store_uri("aml+sqlite:////from/argument.db") == "aml+sqlite:////from/argument.db"


@pytest.mark.parametrize("uri", ["sqlite:////a.db", "postgresql://h/d", "aml+sqlite:////a.db", "https://h"])
def test_a_tracking_uri_that_can_be_a_store_is_one(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert resolve_store_uri(None) == uri


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("aml+postgres://h/d", "aml+postgresql://h/d"),
        ("postgresql+psycopg://h/d?a=b://c", "postgresql://h/d?a=b://c"),
        ("aml+postgresql+psycopg2://h/d", "aml+postgresql://h/d"),
        ("aml+sqlite+pysqlite:////a.db", "aml+sqlite:////a.db"),
        ("mysql+pymysql://h/d", "mysql+pymysql://h/d"),
        ("sqlite", "sqlite"),
    ],
)
def test_a_database_has_the_name_that_mlflow_knows(uri, known):
    assert resolve_store_uri(uri) == known


@pytest.mark.parametrize("uri", ["", "databricks", "file:///tmp/mlruns", "./mlruns", "uc:profile"])
def test_a_tracking_uri_that_cannot_be_a_store_is_none(monkeypatch, uri):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert resolve_store_uri(None).endswith("/.aml/aml.db")


def test_relative_paths_are_relative_to_where_they_were_written(project, monkeypatch):
    write_config(project, "aml+sqlite:///data/aml.db", None)
    assert resolve_store_uri(None) == f"aml+sqlite:///{project}/data/aml.db"
    monkeypatch.setenv("AML_STORE_URI", "sqlite:///aml.db")
    assert resolve_store_uri(None) == f"sqlite:///{Path.cwd()}/aml.db"
    assert resolve_store_uri("sqlite:///:memory:") == "sqlite:///:memory:"


def test_the_workspace_is_asked_for_in_this_order(project, monkeypatch):
    assert resolve_workspace(None) == "default"
    write_config(project, None, "from-file")
    assert resolve_workspace(None) == "from-file"
    monkeypatch.setenv("MLFLOW_WORKSPACE", "from-mlflow")
    assert resolve_workspace(None) == "from-mlflow"
    monkeypatch.setenv("AML_WORKSPACE", "from-variable")
    assert resolve_workspace(None) == "from-variable"
    assert resolve_workspace("from-argument") == "from-argument"


def test_the_nearest_file_counts(project):
    write_config(project, "aml+postgresql://far/away", "far")
    write_config(Path.cwd(), None, "near")
    assert resolve_workspace(None) == "near"
    assert resolve_store_uri(None).endswith("/.aml/aml.db")


def test_a_file_is_replaced_as_a_whole(project):
    write_config(project, "aml+postgresql://a/b", "team-a")
    path = write_config(project, None, "team: #b")
    assert resolve_workspace(None) == "team: #b"
    assert [entry.name for entry in path.parent.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("stor: x", r"unknown key 'stor'. Did you mean 'store'\?"),
        ("7: x", r"unknown key 7. Known keys: store, workspace."),
        ("workspace: [a]", r"workspace is \['a'\], not a text"),
        ("workspace: 7", r"workspace is 7, not a text"),
        ("- a", "holds no keys"),
        ("store: 'x\nworkspace: y", r"is not YAML \(line 2\)"),
        ("store: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("\0", "is not YAML"),
    ],
)
def test_a_bad_file_is_one_sentence_with_its_name(project, content, words):
    path = write_config(project, None, None)
    path.write_text(content)
    with pytest.raises(InvalidInputError, match=words) as caught:
        resolve_workspace(None)
    assert str(path) in caught.value.what
    assert "\n" not in str(caught.value)


def test_an_empty_file_says_nothing(project):
    write_config(project, None, None)
    assert resolve_workspace(None) == "default"


def test_a_file_of_other_bytes_is_named(project):
    path = write_config(project, None, None)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InvalidInputError, match=r"config\.yaml cannot be read"):
        resolve_store_uri(None)


def test_finding_the_default_store_imports_nothing_heavy():
    program = (
        "import sys; from aml_plugins.home import resolve_store_uri; resolve_store_uri(None);"
        "print([name for name in ('yaml', 'sqlalchemy', 'mlflow', 'pydantic') if name in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "[]"


def test_a_home_that_cannot_be_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidInputError, match=rf"'{home}' cannot be used.*Set AML_HOME"):
            home_id(home)


def test_the_id_of_a_home_stays(tmp_path):
    assert home_id(tmp_path / "new") == home_id(tmp_path / "new") != home_id(tmp_path / "other")
