"""A workspace's secret stores: by name, resolved wherever a reference stands, never shown."""

from __future__ import annotations

import pytest

from aml_plugins import Workspace
from aml_plugins.errors import InvalidInputError, NotFoundError, PluginError
from aml_plugins.secrets import resolve_reference, resolve_secrets


@pytest.fixture
def workspace(aml_home) -> Workspace:
    return Workspace.get()


def test_the_environment_is_there_without_being_registered(workspace, monkeypatch):
    monkeypatch.setenv("TOKEN", "abc")
    assert workspace.default_secret_store == "env"
    assert list(workspace.secret_stores) == ["env"]
    assert resolve_reference(workspace.context, "default", "secret://env/TOKEN") == "abc"
    with pytest.raises(NotFoundError, match="'NO_SUCH' has no value in the environment"):
        resolve_reference(workspace.context, "default", "secret://env/NO_SUCH")


def test_the_first_store_that_is_registered_is_the_default(workspace):
    workspace.register_secret_store("file", "team")
    workspace.register_secret_store("file", "other")
    assert workspace.default_secret_store == "team"
    assert workspace.set_secret("TOKEN", "abc") == "team"
    assert workspace.list_secrets() == ["secret://team/TOKEN"]
    assert workspace.list_secrets(store="other") == []
    assert resolve_reference(workspace.context, "default", "secret://team/TOKEN") == "abc"
    workspace.set_default_secret_store("other")
    assert workspace.default_secret_store == "other"
    assert workspace.delete_secret("TOKEN", store="team") == "team"
    assert workspace.list_secrets(store="team") == []


def test_stores_are_the_workspaces_own(workspace, aml_home):
    workspace.register_secret_store("file", "team", path=str(aml_home / "a"))
    other = Workspace.create("team-b")
    assert list(other.secret_stores) == ["env"]
    with pytest.raises(NotFoundError, match="The workspace 'team-b' has no secret store 'team'"):
        resolve_reference(other.context, "team-b", "secret://team/TOKEN")


def test_a_store_that_is_removed_leaves_its_secrets(workspace):
    workspace.register_secret_store("file", "team")
    workspace.set_secret("TOKEN", "abc")
    workspace.remove_secret_store("team")
    assert workspace.default_secret_store == "env"
    workspace.register_secret_store("file", "team")
    assert workspace.list_secrets() == ["secret://team/TOKEN"]
    with pytest.raises(NotFoundError, match="has registered no secret store 'env'"):
        workspace.remove_secret_store("env")


@pytest.mark.parametrize(
    ("register", "error", "said"),
    [
        (("file", "env", {}), InvalidInputError, "has a secret store 'env' already"),
        (("file", "A b", {}), InvalidInputError, "cannot be the name of a secret store"),
        (("file", "team", {"pth": "/x"}), InvalidInputError, "Did you mean 'path'"),
        (("azure-key-vault", "team", {}), InvalidInputError, "The setting 'vault_url'"),
        (("vault", "team", {}), PluginError, "There is no secret store type 'vault'"),
    ],
)
def test_what_cannot_be_a_store_is_not_written(workspace, register, error, said):
    with pytest.raises(error, match=said):
        workspace.register_secret_store(register[0], register[1], **register[2])
    assert list(workspace.secret_stores) == ["env"]


def test_what_a_store_cannot_do_is_said(workspace):
    for act in (lambda: workspace.set_secret("A", "b"), workspace.list_secrets, lambda: workspace.delete_secret("A")):
        with pytest.raises(InvalidInputError, match=r"of the store 'env' \(type env\) cannot be"):
            act()


@pytest.mark.parametrize(("name", "value"), [("a b", "x"), ("", "x"), ("../x", "x"), ("A", ""), ("A", "x" * 25_001)])
def test_names_and_values_have_bounds(workspace, name, value):
    workspace.register_secret_store("file", "team")
    with pytest.raises(InvalidInputError):
        workspace.set_secret(name, value)
    assert workspace.list_secrets() == []


@pytest.mark.parametrize("reference", ["secret://env", "secret://ENV/x", "secret://env/a/b", "secret://env/", "hush"])
def test_a_malformed_reference_is_not_repeated(workspace, reference):
    with pytest.raises(InvalidInputError, match="A secret reference is malformed") as caught:
        resolve_reference(workspace.context, "default", reference)
    assert reference not in str(caught.value)


def test_the_variable_that_needs_a_secret_is_named(workspace):
    with pytest.raises(InvalidInputError, match=r"The variable 'TOKEN' needs a secret. The workspace 'default' has no"):
        resolve_secrets({"TOKEN": "secret://nowhere/x"}, workspace.context.secrets("default"))


def test_settings_of_targets_and_datastores_resolve_from_the_workspaces_stores(workspace, azurite):
    workspace.register_secret_store("file", "team")
    workspace.set_secret("storage", azurite.key)
    blob = workspace.register_datastore(
        "azure-blob",
        "blob",
        account_url=azurite.url,
        container=azurite.create_container(),
        account_key="secret://team/storage",
    )
    assert "answers" in blob.check()
    target = workspace.context.backends.get("default", "local").target
    assert target.secret("secret://team/storage") == azurite.key
    assert target.secret("plain") == "plain"
    assert azurite.key not in repr(target) + repr(blob.config) + str(workspace.context.store.datastores.list("default"))
