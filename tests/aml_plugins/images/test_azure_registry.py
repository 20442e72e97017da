"""Azure Container Registry: tokens exchanged with the emulator, images kept by a real registry program behind it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from services.container_registry import PASSWORD, USER

from aml_plugins import Image
from aml_plugins.errors import BackendError, InvalidInputError, OperationFailedError
from aml_plugins.images.layout import Layout
from aml_plugins.images.opening import load_registry
from aml_plugins.images.registry.client import RegistryClient
from aml_plugins.testing.azure_emulator import AzureEmulator, Settings

TENANT = "00000000-0000-0000-0000-000000000002"
PRINCIPAL = {"tenant_id": TENANT, "client_id": "me", "client_secret": "secret://env/ACR_SECRET"}


@pytest.fixture
def acr(registry: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureEmulator]:
    settings = Settings(registry=registry, registry_login=(USER, PASSWORD), validate=True)
    with AzureEmulator(settings) as emulator:
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", emulator.https_url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(emulator.certificate))
        monkeypatch.setenv("ACR_SECRET", "the principal's secret")
        monkeypatch.setenv("ACR_PASSWORD", emulator.settings.registry_admin[1])
        monkeypatch.setenv("AML_REGISTRY_LONGEST_PAUSE", "0.01")
        yield emulator
        assert emulator.violations == []


@pytest.fixture
def settings(acr: AzureEmulator) -> dict[str, Any]:
    address = acr.https_url.removeprefix("https://")
    return {"type": "acr", "address": f"https://{address}", "prefix": "acr", "ca_file": str(acr.certificate)}


def admin(acr: AzureEmulator) -> dict[str, str]:
    return {"username": acr.settings.registry_admin[0], "password": "secret://env/ACR_PASSWORD"}


def known(registry: str, repository: str, tag: str) -> bytes:
    """What the registry program itself has."""
    return RegistryClient(registry, lambda: (USER, PASSWORD)).manifest(repository, tag)[0]


def test_a_service_principal_pushes_and_pulls(serving, acr, settings, registry, tmp_path):
    image = serving.image(registry={**settings, **PRINCIPAL})
    host = acr.https_url.removeprefix("https://")
    assert image.location == f"{host}/acr/iris-svc@{image.digest}"
    assert known(registry, "acr/iris-svc", str(image.version))
    assert acr.calls.count("POST /oauth2/exchange") == 1
    assert acr.calls.count("POST /oauth2/token") == 1
    puller = load_registry(serving.workspace.context, {**settings, **PRINCIPAL})
    assert puller.pull(Layout(tmp_path / "l"), image.location, lambda _: None) == image.digest
    assert "the principal's secret" not in image.get_logs() + str(image.record)
    again = serving.image(registry={**settings, **PRINCIPAL})
    assert "is there." in again.get_logs()


def test_the_doctor_tries_the_login(serving, acr, settings, monkeypatch):
    host = acr.https_url.removeprefix("https://")
    context = serving.workspace.context
    assert load_registry(context, {**settings, **PRINCIPAL}).check() == f"{host} answers"
    assert load_registry(context, {**settings, **admin(acr)}).check() == f"{host} answers"
    monkeypatch.setenv("ACR_PASSWORD", "another")
    with pytest.raises(BackendError, match="refused with 401"):
        load_registry(context, {**settings, **admin(acr)}).check()


def test_the_login_of_the_machine_is_enough(serving, acr, settings, monkeypatch, registry):
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_ID", "me")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not a secret")
    image = serving.image(registry={**settings, "prefix": "login"})
    assert known(registry, "login/iris-svc", str(image.version))


def test_the_admin_user_pushes(serving, acr, settings, registry):
    image = serving.image(registry={**settings, **admin(acr), "prefix": "admin"})
    assert known(registry, "admin/iris-svc", str(image.version))
    assert "POST /oauth2/exchange" not in acr.calls
    assert acr.settings.registry_admin[1] not in image.get_logs() + str(image.record)


def test_a_wrong_password_is_a_sentence(serving, acr, settings, monkeypatch):
    monkeypatch.setenv("ACR_PASSWORD", "not-the-one-7")
    with pytest.raises(OperationFailedError, match="refused with 401") as told:
        serving.image(registry={**settings, **admin(acr)})
    assert "not-the-one-7" not in str(told.value) + Image.get(serving.workspace, "iris-svc").get_logs()


def test_nobody_is_a_sentence(serving, acr, settings, monkeypatch):
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    with pytest.raises(OperationFailedError, match="Azure does not know who pushes"):
        serving.image(registry=settings)


def test_throttling_is_waited_for(serving, acr, settings, registry):
    for path in ("/blobs/uploads", "/manifests"):
        acr.faults.add("throttle", path=path, count=2, seconds=1)
    image = serving.image(registry={**settings, **PRINCIPAL, "prefix": "throttled"})
    assert known(registry, "throttled/iris-svc", str(image.version))


def test_a_registry_that_stays_busy_is_a_sentence(serving, acr, settings):
    acr.faults.add("busy", path="/blobs/uploads", count=-1)
    with pytest.raises(OperationFailedError, match="refused with 503"):
        serving.image(registry={**settings, **PRINCIPAL, "prefix": "busy"})


def test_a_token_is_for_its_repository_only(acr, settings, serving):
    client = load_registry(serving.workspace.context, {**settings, **PRINCIPAL}).client()
    with pytest.raises(BackendError, match="refused with 404"):
        client.manifest("one", "1")
    client._authorization["two"] = client._authorization["one"]
    calls = len(acr.calls)
    with pytest.raises(BackendError, match="refused with 404"):
        client.manifest("two", "1")
    assert [call for call in acr.calls[calls:] if "oauth2" in call] == ["POST /oauth2/token"]


def test_another_registry_is_told_from_azures(serving, registry, monkeypatch):
    monkeypatch.setenv("ACR_SECRET", "x")
    client = load_registry(serving.workspace.context, {"type": "acr", "address": registry, **PRINCIPAL}).client()
    client._entra_token = lambda: "token"
    with pytest.raises(BackendError, match="refused with 404 for '/oauth2/exchange'"):
        client._exchanged()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_secret": "plain"}, "the secret must be a reference"),
        ({"client_id": "me"}, "a service principal has"),
        ({**PRINCIPAL, "username": "u"}, "not both"),
        ({"password": "plain"}, "the password must be a reference"),
        ({"addres": "x"}, "'addres' of a container registry of type 'acr' is wrong.*Did you mean 'address'"),
    ],
)
def test_wrong_settings_are_named(serving, change, words):
    with pytest.raises(InvalidInputError, match=words):
        load_registry(serving.workspace.context, {"type": "acr", "address": "mine", **change})


def test_a_name_is_enough(serving):
    registry = load_registry(serving.workspace.context, {"type": "acr", "address": "Mine", **PRINCIPAL})
    assert registry.client().host == "mine.azurecr.io"
