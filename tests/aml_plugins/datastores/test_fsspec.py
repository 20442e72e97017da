"""What only datastores through fsspec can get wrong; ``test_every_type.py`` has what all types must do."""

from __future__ import annotations

import os

import fsspec
import pytest

from aml_plugins.datastores.fsspec_files import FsspecConfig, FsspecDatastore
from aml_plugins.errors import BackendError, InvalidInputError, NotFoundError, TransientBackendError
from aml_plugins.plugins.settings import checked_settings


class InterruptedTransferError(Exception):
    """Stands for a process that ends in the middle."""


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "no-protocol"}, "must begin with a protocol"),
        ({"url": "sftp://me:hush@host/x"}, "has a password in it"),
        ({"url": "s3://b", "secret_options": {"secret": "hush"}}, "not the secret itself"),
        ({"url": "s3://b", "options": "endpoint_url"}, "must be NAME=VALUE"),
        ({}, "Field required"),
    ],
)
def test_wrong_settings_are_refused_without_being_repeated(settings, said):
    with pytest.raises(InvalidInputError) as caught:
        checked_settings(FsspecConfig, "it", settings)
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


def test_options_may_come_from_a_command_line(monkeypatch):
    config = FsspecConfig(url="s3://b", options="a=1, b=x=y", secret_options="secret=secret://env/S")
    assert config.options == {"a": "1", "b": "x=y"}
    assert config.secret_options == {"secret": "secret://env/S"}


@pytest.mark.parametrize(
    ("url", "options", "error", "said"),
    [
        ("nonsense://x", {}, InvalidInputError, "its url or options are not what fsspec takes"),
        ("ftp://x", {"port": "hush"}, InvalidInputError, "its url or options are not what fsspec takes"),
        ("ftp://127.0.0.1:9/x", {}, TransientBackendError, "cannot be reached: ftp://127.0.0.1:9/x does not answer"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(url, options, error, said):
    with pytest.raises(error, match=said) as caught:
        FsspecDatastore("files", FsspecConfig(url=url, options=options)).check()
    assert "hush" not in str(caught.value)


def test_a_package_that_is_missing_is_named():
    fsspec.register_implementation("odd", "no_such_package.Odd", clobber=True, errtxt="It needs a package.")
    with pytest.raises(InvalidInputError, match="needs a package that is not installed"):
        FsspecDatastore("files", FsspecConfig(url="odd://x")).check()


def test_a_wrong_credential_is_one_sentence(azurite, monkeypatch, source):
    wrong = azurite.connection_string.replace(azurite.key, "d3Jvbmc=")
    monkeypatch.setenv("STORAGE", wrong)
    settings = {"connection_string": "secret://env/STORAGE"}
    store = FsspecDatastore("files", FsspecConfig(url=f"abfs://{azurite.create_container()}", secret_options=settings))
    with pytest.raises(BackendError, match="The datastore 'files' refused") as caught:
        store.put(source, "a")
    assert "d3Jvbmc=" not in str(caught.value)


def test_a_file_is_never_there_by_half(tmp_path, source, monkeypatch):
    store = FsspecDatastore("files", FsspecConfig(url=f"file://{tmp_path}/root"))
    files, _ = store._open()
    put = files.put_file

    def put_half(local, target, **options):
        put(local, target, **options)
        raise InterruptedTransferError

    monkeypatch.setattr(files, "put_file", put_half)
    with pytest.raises(BackendError, match="answered with InterruptedTransferError"):
        store.put(source, "a")
    assert list(store.list()) == []
    assert list((tmp_path / "root").iterdir()) == []
    with pytest.raises(NotFoundError):
        store.facts("a")


def test_an_interrupted_download_goes_on(tmp_path):
    store = FsspecDatastore("files", FsspecConfig(url=f"file://{tmp_path}/root"))
    (tmp_path / "big").write_bytes(os.urandom(8 << 20))
    store.put(tmp_path / "big", "big")
    done = 0

    def interrupt(size: int) -> None:
        nonlocal done
        done += size
        if done > 3 << 20:
            raise InterruptedTransferError

    with pytest.raises(BackendError):
        store.receive("big", tmp_path / "back", interrupt)
    steps = []
    store.receive("big", tmp_path / "back", steps.append)
    assert steps[0] >= 3 << 20
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()
