"""Azure's own credential: what it says where nobody is known, and where Azure's login is what fails."""

from __future__ import annotations

import subprocess
import sys

import pytest
from services.azure import identity
from services.loopback import free_port

from aml_backends.azure.login import default_credential
from aml_backends.azure.resources import in_words
from aml_plugins.errors import BackendError, InvalidInputError, TransientBackendError

SCOPE = "https://management.azure.com/.default"
CODE = """
from azure.core.exceptions import ClientAuthenticationError
from aml_backends.azure.login import default_credential
try:
    default_credential().get_token("https://management.azure.com/.default")
except ClientAuthenticationError:
    print("nobody")
"""


def test_nothing_but_the_error_is_said_where_nobody_is_known(tmp_path):
    unknown = {"PATH": "/nowhere", "HOME": str(tmp_path), "AZURE_TOKEN_CREDENTIALS": "dev"}  # asks no metadata service
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=unknown, capture_output=True, text=True, timeout=240, check=False)
    assert (done.stdout, done.stderr) == ("nobody\n", "")


@pytest.fixture
def somebody(azure, monkeypatch):
    for name, value in identity(azure).items():
        monkeypatch.setenv(name, value)


def log_in(authority: str) -> str:
    with in_words("the cluster"):
        return default_credential(authority).get_token(SCOPE).token


@pytest.mark.parametrize(("kind", "asked"), [("throttle", 7), ("busy", 7), ("error", None)])
def test_a_login_that_is_busy_is_waited_for(azure, somebody, kind, asked):
    fault = azure.faults.add(kind, path="/oauth2", count=-1, seconds=7)
    try:
        with pytest.raises(TransientBackendError) as raised:
            log_in(azure.https_url)
    finally:
        azure.faults.clear()
    assert fault.used
    assert raised.value.retry_after == asked
    assert log_in(azure.https_url)


def test_a_login_out_of_reach_is_waited_for(somebody):
    with pytest.raises(TransientBackendError, match=r"Azure cannot be reached: .*Connection refused"):
        log_in(f"https://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(("name", "value"), [("AZURE_CLIENT_SECRET", ""), ("AZURE_TENANT_ID", "no tenant")])
def test_variables_that_are_nobody_s_are_told(somebody, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=r"Nobody can log in to Azure like this: .* Correct AZURE_TENANT_ID"):
        default_credential()


def test_who_is_not_let_in_is_told_by_whom(tmp_path, monkeypatch):
    from services.key_vault import running_key_vault

    with running_key_vault(tmp_path) as vault:
        for name, value in (vault.environment() | {"AZURE_CLIENT_SECRET": "hush-wrong"}).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(BackendError) as raised, in_words("the cluster"):
            default_credential().get_token(SCOPE)
    assert "asks for the cluster: EnvironmentCredential: Authentication failed: " in str(raised.value)
    assert "hush" not in str(raised.value)
