"""Blob containers, against Azurite: signed URLs, transfers that go on, refusals in words."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from datetime import timedelta
from typing import Any

import pytest
from services.azurite import find_program, running_azurite
from services.key_vault import running_key_vault

from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore
from aml_plugins.errors import BackendError, InvalidInputError, NotFoundError, TransientBackendError
from aml_plugins.plugins.settings import checked_settings

HOUR = timedelta(hours=1)


@pytest.fixture
def blob(make_datastore):
    return make_datastore("azure-blob")


def request(method: str, url: str, data: bytes | None = None, headers: Any = None) -> tuple[int, bytes]:
    if headers is None:
        headers = {"x-ms-blob-type": "BlockBlob"} if data is not None else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


@pytest.fixture(params=["key", "connection string", "signature"])
def by(request, blob, azurite, monkeypatch):
    """The same container, entered in each way."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    container = blob.config.container
    if request.param == "key":
        return blob
    if request.param == "connection string":
        monkeypatch.setenv("CONNECTION", azurite.connection_string)
        return BlobDatastore("files", BlobConfig(container=container, connection_string="secret://env/CONNECTION"))
    from datetime import UTC, datetime

    signature = generate_container_sas(
        azurite.account,
        container,
        account_key=azurite.key,
        permission=ContainerSasPermissions.from_string("racwdl"),
        expiry=datetime.now(tz=UTC) + timedelta(days=1),
    )
    monkeypatch.setenv("SIGNATURE", f"?{signature}")
    return BlobDatastore(
        "files", BlobConfig(container=container, account_url=azurite.url, sas_token="secret://env/SIGNATURE")
    )


def test_a_signed_url_reads_and_writes(by, source):
    by.put(source, "in/ü 1.bin")
    assert request("GET", by.signed_url("in/ü 1.bin", "read", HOUR)) == (200, b"content")
    assert request("PUT", by.signed_url("out/new", "write", HOUR), b"written")[0] == 201
    assert list(by.list("out")) == [("out/new", 7)]


def test_a_signed_url_grants_no_more_than_it_says(blob, source):
    blob.put(source, "a")
    reading, writing = blob.signed_url("a", "read", HOUR), blob.signed_url("a", "write", HOUR)
    assert request("PUT", reading, b"x")[0] == 403
    assert request("GET", writing)[0] == 403
    assert request("DELETE", blob.signed_url("a", "read-write", HOUR))[0] == 403
    assert request("GET", reading.replace("/a?", "/b?"))[0] == 403
    assert request("GET", blob.signed_url("a", "read", timedelta(microseconds=1)))[0] == 403


def test_the_root_is_signed_for_job_services(blob, source):
    blob.put(source, "a")
    url, _, query = blob.signed_url("", "read-write", HOUR).partition("?")
    assert request("GET", f"{url}/a?{query}") == (200, b"content")
    assert request("PUT", f"{url}/deep/b?{query}", b"1")[0] == 201
    assert request("GET", f"{url}?restype=container&comp=list&{query}")[0] == 200
    assert blob.exists("deep/b")


def test_who_may_add_may_do_nothing_else(blob, source, azurite, monkeypatch):
    blob.put(source, "a")
    url, _, query = blob.signed_url("", "append", HOUR).partition("?")
    grows = {"x-ms-blob-type": "AppendBlob"}
    assert request("PUT", f"{url}/log?{query}", b"", grows)[0] == 201
    assert request("PUT", f"{url}/log?comp=appendblock&{query}", b"line", {})[0] == 201
    assert request("GET", f"{url}/log?{query}")[0] == 403
    assert request("GET", f"{url}?restype=container&comp=list&{query}")[0] == 403
    assert request("PUT", f"{url}/a?{query}", b"x")[0] == 403
    assert request("DELETE", f"{url}/a?{query}")[0] == 403
    monkeypatch.setenv("SIGNATURE", "sp=rcwdl&sig=x")
    config = BlobConfig(container="data", account_url=azurite.url, sas_token="secret://env/SIGNATURE")
    with pytest.raises(InvalidInputError, match="nothing narrower can be made of it"):
        BlobDatastore("wide", config).signed_url("", "append", HOUR)


def test_the_root_of_a_folder_is_not_signed(make_datastore):
    with pytest.raises(InvalidInputError, match="would reach further"):
        make_datastore("azure-blob", prefix="team").signed_url("", "read", HOUR)


def test_a_signature_that_grants_less_is_not_handed_on(azurite, blob, monkeypatch):
    monkeypatch.setenv("SIGNATURE", "sp=r&se=2031-01-01T00:00:00Z&sig=x")
    narrow = BlobDatastore(
        "narrow", BlobConfig(container="data", account_url=azurite.url, sas_token="secret://env/SIGNATURE")
    )
    with pytest.raises(InvalidInputError, match="does not grant 'write'"):
        narrow.signed_url("a", "write", HOUR)
    with pytest.raises(InvalidInputError, match="ends at 2031-01-01T00:00:00Z, too early"):
        narrow.signed_url("a", "read", timedelta(days=3000))
    with pytest.raises(InvalidInputError, match="needs a permission"):
        narrow.signed_url("a", "everything", HOUR)


class InterruptedTransferError(Exception):
    """Stands for a process that ends in the middle."""


def interrupt_after(size: int):
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if done >= size:
            raise InterruptedTransferError

    return progress


def test_an_interrupted_upload_goes_on(blob, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(50 << 20))
    with pytest.raises(InterruptedTransferError):
        blob.send(big, "big", interrupt_after(20 << 20))
    assert not blob.exists("big")
    assert list(blob.list()) == []
    steps = []
    blob.send(big, "big", steps.append)
    assert steps[0] >= 20 << 20, "what the first try sent is not sent again"
    assert sum(steps) == 50 << 20
    blob.get("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    steps.clear()
    blob.send(big, "big", steps.append)
    assert steps == [50 << 20], "the same content is not sent twice"


def test_an_interrupted_download_goes_on(blob, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(70 << 20))
    blob.put(big, "big")
    with pytest.raises(InterruptedTransferError):
        blob.receive("big", tmp_path / "back", interrupt_after(30 << 20))
    assert not (tmp_path / "back").exists()
    steps = []
    blob.receive("big", tmp_path / "back", steps.append)
    assert steps[0] == 40 << 20, "the first piece, and a segment"
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "big"], "no part is left"


def test_a_download_of_another_version_begins_again(blob, tmp_path):
    for content in (b"a" * (40 << 20), b"b" * (40 << 20)):
        (tmp_path / "big").write_bytes(content)
        blob.put(tmp_path / "big", "big")
        if content[0] == ord("a"):
            with pytest.raises(InterruptedTransferError):
                blob.receive("big", tmp_path / "back", interrupt_after(30 << 20))
    blob.get("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"b" * (40 << 20)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "big"]


def test_damage_is_noticed(blob, azurite, tmp_path):
    from azure.storage.blob import BlobServiceClient

    (tmp_path / "a").write_bytes(b"good")
    blob.put(tmp_path / "a", "a")
    with BlobServiceClient.from_connection_string(azurite.connection_string) as client:
        client.get_blob_client(blob.config.container, "a").upload_blob(
            b"evil", overwrite=True, metadata={"aml_sha256": blob.facts("a").sha256}
        )
    with pytest.raises(Exception, match="arrived damaged"):
        blob.get("a", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_file_that_changes_meanwhile_is_not_stored(blob, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20 << 20))

    def change(_size: int) -> None:
        big.write_bytes(b"other")

    with pytest.raises(InvalidInputError, match="changed while it was uploaded"):
        blob.send(big, "big", change)
    assert not blob.exists("big")


def test_two_uploads_of_one_blob_both_end_well(blob, tmp_path):
    """The commit of one takes the blocks of the other away."""
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode() * (8 << 20))
    done = []

    def meanwhile(_size: int) -> None:
        if not done:
            done.append(True)
            blob.put(tmp_path / "two", "shared")

    blob.send(tmp_path / "one", "shared", meanwhile)
    blob.get("shared", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "one").read_bytes()


def test_wrong_credentials_are_one_sentence(azurite, blob, monkeypatch, source, tmp_path):
    monkeypatch.setenv("STORAGE_KEY", "d3Jvbmc=")
    wrong = BlobDatastore("files", blob.config)
    for ask in (
        lambda: wrong.put(source, "a"),
        wrong.check,
        lambda: list(wrong.list()),
        lambda: wrong.exists("a"),
    ):
        with pytest.raises(
            BackendError, match=r"The datastore 'files' refused: container '.*' at .* did not let us in"
        ) as caught:
            ask()
        assert "d3Jvbmc=" not in str(caught.value)
    monkeypatch.setenv("STORAGE_KEY", "no base64 at all!")
    with pytest.raises(InvalidInputError, match="credential of the datastore 'files' is malformed") as caught:
        BlobDatastore("files", blob.config).check()
    assert "no base64" not in str(caught.value)


def test_what_does_not_answer_is_one_sentence(blob, monkeypatch):
    monkeypatch.setattr("aml_backends.azure.storage.credentials.CLIENT_OPTIONS", {"retry_total": 0})
    monkeypatch.setattr("aml_backends.azure.storage.blob.CLIENT_OPTIONS", {"retry_total": 0})
    away = BlobDatastore("files", blob.config.model_copy(update={"account_url": "http://127.0.0.1:9/account"}))
    with pytest.raises(TransientBackendError, match="The datastore 'files' cannot be reached: container"):
        away.check()


def test_a_container_that_is_not_there_is_said(blob, source, tmp_path):
    gone = BlobDatastore("files", blob.config.model_copy(update={"container": "no-such-container"}))
    for ask in (
        lambda: gone.put(source, "a"),
        lambda: gone.get("a", tmp_path / "back"),
        lambda: gone.exists("a"),
        lambda: gone.delete("a"),
        lambda: list(gone.list()),
    ):
        with pytest.raises(NotFoundError, match="there is no container 'no-such-container'"):
            ask()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "The setting 'container' of it is wrong: Field required"),
        ({"container": "c"}, "either account_url or connection_string must be given"),
        (
            {"container": "c", "account_url": "https://x.example", "connection_string": "secret://env/A"},
            "either account_url",
        ),
        ({"container": "c", "account_url": "https://x.example", "account_key": "hush"}, "not the secret itself"),
        ({"container": "c", "account_url": "https://x.example?sig=hush"}, "must be the account's address alone"),
        ({"container": "c", "account_url": "ftp://x.example"}, "must be an address such as"),
        ({"container": "C_", "account_url": "https://x.example"}, "String should match pattern"),
        ({"container": "c", "account_url": "https://x.example", "prefix": "../x"}, "is no path in a datastore"),
        ({"container": "c", "account_url": "https://x.example", "acount_key": "hush"}, "Did you mean 'account_key'"),
        (
            {
                "container": "c",
                "account_url": "https://x",
                "account_key": "secret://env/A",
                "sas_token": "secret://env/B",
            },
            "account_key and sas_token are given; one of them is enough",
        ),
    ],
)
def test_wrong_settings_are_refused_without_being_repeated(settings, said):
    with pytest.raises(InvalidInputError) as caught:
        checked_settings(BlobConfig, "it", settings)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_token_is_not_sent_in_the_clear(blob):
    unencrypted = BlobDatastore("files", BlobConfig(container="data", account_url="http://127.0.0.1:9/account"))
    with pytest.raises(InvalidInputError, match="unencrypted"):
        unencrypted.check()


@pytest.mark.parametrize(
    "value", ["", "AccountName=x", "AccountKey=x;BlobEndpoint=http://h/x", "nonsense", "AccountName=a;AccountKey"]
)
def test_a_malformed_connection_string_is_not_repeated(monkeypatch, value):
    monkeypatch.setenv("CONNECTION", value)
    broken = BlobDatastore("files", BlobConfig(container="data", connection_string="secret://env/CONNECTION"))
    with pytest.raises(InvalidInputError, match="connection string of the datastore 'files' is malformed") as caught:
        broken.check()
    assert not value or value not in str(caught.value)


def test_the_uri_is_the_blobs_address_without_a_signature(by, azurite):
    assert by.uri("a b/c") == f"{azurite.url}/{by.config.container}/a%20b/c"


def test_a_name_that_azure_would_change_is_refused(by, source):
    with pytest.raises(InvalidInputError, match="makes a slash of the backslash"):
        by.put(source, "a\\b")


def test_an_identity_lets_us_in(azurite, tmp_path, monkeypatch, source):
    """Against an Azurite that takes tokens, and a login that gives them."""
    del azurite  # says what is missing where Azurite is not installed
    with running_key_vault(tmp_path) as login:
        for name, value in login.environment().items():
            monkeypatch.setenv(name, value)
        program = find_program()
        assert program is not None
        with running_azurite(program, (login.certificate, tmp_path / "key.pem")) as secure:
            made = BlobDatastore("files", BlobConfig(container=secure.create_container(), account_url=secure.url))
            made.put(source, "a/b")
            made.get("a/b", tmp_path / "back")
            assert (tmp_path / "back").read_bytes() == b"content"
            url = made.signed_url("a/b", "read", HOUR)
            assert {"skoid", "sktid", "sig"} <= set(urllib.parse.parse_qs(url.partition("?")[2]))
            keys = []
            ask = made._open()[1].get_user_delegation_key
            monkeypatch.setattr(made._open()[1], "get_user_delegation_key", lambda *a: keys.append(a) or ask(*a))
            made.signed_url("a/b", "read", timedelta(days=7))
            assert not keys, "one key signs whatever ends before it"
            made._delegation_keys._end -= timedelta(days=6, hours=23, minutes=30)
            made.signed_url("a/b", "read", HOUR)
            assert len(keys) == 1, "its end was near"
            with pytest.raises(InvalidInputError, match="signs for seven days at most"):
                made.signed_url("", "append", timedelta(days=8))
            monkeypatch.setenv("AZURE_CLIENT_SECRET", "hush-wrong")
            with pytest.raises(BackendError, match="azure-identity found none on this machine") as caught:
                BlobDatastore("files", made.config).check()
            assert "hush" not in str(caught.value)


UPLOADER = """\
import sys
from pathlib import Path
from aml_backends.azure.storage.blob import BlobConfig, BlobDatastore
config = BlobConfig.model_validate_json(sys.argv[1])
BlobDatastore("files", config).send(Path(sys.argv[2]), "big", lambda size: print(size, flush=True))
"""


def test_a_killed_upload_goes_on_in_another_process(blob, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(80 << 20))
    command = [sys.executable, "-c", UPLOADER, blob.config.model_dump_json(), str(big)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as uploader:
        assert uploader.stdout is not None
        sent = 0
        while sent < 16 << 20:
            sent += int(uploader.stdout.readline())
        uploader.kill()
    if blob.exists("big"):
        pytest.fail("it was too quick to be killed")
    steps = []
    blob.send(big, "big", steps.append)
    assert steps[0] >= 16 << 20
    blob.get("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
