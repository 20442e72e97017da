"""Azure Key Vault, against an emulator over https that challenges as the service does."""

from __future__ import annotations

import pytest
from services.key_vault import running_key_vault

from aml_backends.azure import key_vault
from aml_backends.azure.key_vault import KeyVaultConfig, KeyVaultSecrets
from aml_plugins.errors import BackendError, InvalidInputError, NotFoundError, TransientBackendError


@pytest.fixture
def vault(tmp_path, monkeypatch):
    with running_key_vault(tmp_path) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def store(vault) -> KeyVaultSecrets:
    return KeyVaultSecrets("vault", KeyVaultConfig(vault_url=vault.url, verify_challenge_resource=False))


def test_secrets_are_set_read_listed_and_deleted(store, vault):
    for number in range(7):
        store.set(f"token-{number}", f"value {number} ✓")
    assert store.get("token-3") == "value 3 ✓"
    store.set("token-3", "newer")
    assert store.get("token-3") == "newer"
    assert store.list() == [f"token-{number}" for number in range(7)], "also those of the next pages"
    store.delete("token-3")
    assert "token-3" in vault.deleted
    for ask in (store.get, store.delete):
        with pytest.raises(NotFoundError, match="has no secret 'token-3'"):
            ask("token-3")
    assert store.check() == f"{vault.url} answers"


def test_a_token_is_asked_for_once(store, vault):
    store.set("a", "1")
    for _ in range(3):
        store.get("a")
    assert sum(call.endswith("/oauth2/v2.0/token") for call in vault.calls) == 1


def test_a_wrong_client_secret_is_a_sentence(store, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "hush-wrong")
    with pytest.raises(BackendError, match="azure-identity found no credential that works") as caught:
        store.get("a")
    assert "hush" not in str(caught.value)


def test_no_permission_is_a_sentence(store, vault):
    vault.forbidden = True
    with pytest.raises(BackendError, match=r"did not let us in\. Give this identity the role"):
        store.get("a")


def test_a_vault_that_does_not_answer_is_a_sentence(vault, monkeypatch):
    monkeypatch.setattr(key_vault, "_RETRIES", {"retry_total": 0})
    away = KeyVaultSecrets("vault", KeyVaultConfig(vault_url="https://127.0.0.1:9"))
    with pytest.raises(TransientBackendError, match=r"https://127\.0\.0\.1:9 does not answer"):
        away.get("a")


def test_a_token_for_another_audience_is_not_sent(vault):
    strict = KeyVaultSecrets("vault", KeyVaultConfig(vault_url=vault.url))
    with pytest.raises(BackendError, match="asks for a token that is not meant for"):
        strict.get("a")
    assert not any("token" in call for call in vault.calls)


@pytest.mark.parametrize("name", ["under_score", "", "a/b", "x" * 128])
def test_a_name_that_no_vault_takes_is_refused_before_it_is_asked(store, vault, name):
    with pytest.raises(InvalidInputError, match="cannot be a secret of a key vault"):
        store.get(name)
    assert vault.calls == []


@pytest.mark.parametrize("url", ["http://x.vault.azure.net", "https://x/secrets", "https://a@x", "x.vault.azure.net"])
def test_a_vaults_address_is_https_and_nothing_else(url):
    with pytest.raises(ValueError, match="String should match pattern"):
        KeyVaultConfig(vault_url=url)
