"""Secrets in an encrypted file: whole or not at all, and of no use without the key."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from aml_plugins.errors import InvalidInputError, NotFoundError, PermissionDeniedError, StoreError
from aml_plugins.secrets.file import FileSecrets, FileSecretsConfig


@pytest.fixture
def store(aml_home) -> FileSecrets:
    return FileSecrets("team", FileSecretsConfig())


def test_what_is_set_is_there_and_nobody_else_reads_it(store):
    store.set("TOKEN", "geheim-süß\n✓")
    store.set("other", "x")
    assert FileSecrets("team", FileSecretsConfig()).get("TOKEN") == "geheim-süß\n✓"
    assert store.list() == ["TOKEN", "other"]
    assert b"geheim" not in store.path.read_bytes()
    assert b"TOKEN" not in store.path.read_bytes()
    for file in (store.path, store.key_file):
        assert file.stat().st_mode & 0o777 == 0o600
    assert store.path.parent.stat().st_mode & 0o077 == 0


def test_a_secret_can_be_replaced_and_deleted(store):
    store.set("a", "1")
    store.set("a", "2")
    assert store.get("a") == "2"
    store.delete("a")
    for ask in (store.get, store.delete):
        with pytest.raises(NotFoundError, match="The secret store 'team' has no secret 'a'"):
            ask("a")


def test_the_key_may_come_from_the_environment(store, monkeypatch):
    monkeypatch.setenv("AML_SECRETS_KEY", Fernet.generate_key().decode())
    store.set("a", "1")
    assert not store.key_file.exists()
    assert store.get("a") == "1"


def test_a_wrong_key_is_a_sentence(store, monkeypatch):
    store.set("a", "hush")
    monkeypatch.setenv("AML_SECRETS_KEY", Fernet.generate_key().decode())
    for ask in (lambda: store.get("a"), lambda: store.set("b", "x"), store.list, store.check):
        with pytest.raises(StoreError, match="was written with another key"):
            ask()
    monkeypatch.setenv("AML_SECRETS_KEY", "no key")
    with pytest.raises(InvalidInputError, match="AML_SECRETS_KEY has no key in it") as caught:
        store.get("a")
    assert "no key'" not in str(caught.value)
    monkeypatch.delenv("AML_SECRETS_KEY")
    assert store.get("a") == "hush", "what could not be read was not overwritten either"


def test_a_key_that_others_can_read_is_refused(store):
    store.set("a", "1")
    store.key_file.chmod(0o640)
    with pytest.raises(PermissionDeniedError, match="can be read by others"):
        store.get("a")


def test_a_lost_key_is_not_replaced_by_a_new_one(store):
    store.set("a", "1")
    store.key_file.unlink()
    for ask in (lambda: store.get("a"), lambda: store.set("b", "2")):
        with pytest.raises(NotFoundError, match="has no key"):
            ask()
    assert not store.key_file.exists()


def test_a_file_that_was_changed_is_noticed(store):
    store.set("a", "1")
    content = bytearray(store.path.read_bytes())
    content[40] ^= 1
    store.path.write_bytes(content)
    with pytest.raises(StoreError, match="or was changed by somebody"):
        store.get("a")


@pytest.mark.parametrize("setting", ["path", "key_file"])
def test_paths_are_absolute(setting):
    with pytest.raises(ValueError, match="must be an absolute path"):
        FileSecretsConfig(**{setting: "relative/file"})


def test_a_disk_that_forbids_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    store = FileSecrets("team", FileSecretsConfig(path=str(tmp_path / "file" / "below")))
    with pytest.raises(StoreError, match=r"The file of secrets .* cannot be used: File exists"):
        store.set("a", "1")


def _set_many(home: str, word: str) -> None:
    os.environ["AML_HOME"] = home
    store = FileSecrets("team", FileSecretsConfig())
    for number in range(40):
        store.set(f"{word}{number}", word)


def test_processes_that_set_at_the_same_time_lose_nothing(store, aml_home):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_set_many, args=(str(aml_home), word)) for word in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(store.list()) == 80


def test_a_killed_writer_leaves_a_whole_file(store, aml_home):
    store.set("first", "1")
    writer = multiprocessing.get_context("spawn").Process(target=_set_many, args=(str(aml_home), "k"))
    writer.start()
    while len(store.list()) < 3:
        time.sleep(0.001)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert store.get("first") == "1"
    store.set("again", "2")
    assert {"first", "again"} <= set(store.list())


def test_the_default_place_is_in_the_home(store, aml_home):
    assert store.path == Path(aml_home) / "secrets" / "team"
