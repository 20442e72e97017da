"""File shares, against an emulator of their REST API: uploads that go on, signatures, refusals in words."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from datetime import timedelta

import pytest

from aml_backends.azure.storage.share import ShareConfig, ShareDatastore
from aml_plugins.errors import BackendError, InvalidInputError, NotFoundError, StoreError

HOUR = timedelta(hours=1)


class InterruptedTransferError(Exception):
    """Stands for a process that ends in the middle."""


@pytest.fixture
def share(make_datastore):
    return make_datastore("azure-file-share")


@pytest.fixture
def big(tmp_path):
    file = tmp_path / "big"
    file.write_bytes(os.urandom(30 << 20))
    return file


def interrupt_after(size: int):
    done = 0

    def progress(more: int) -> None:
        nonlocal done
        done += more
        if done >= size:
            raise InterruptedTransferError

    return progress


def test_an_interrupted_upload_goes_on(share, big, tmp_path, file_shares):
    with pytest.raises(InterruptedTransferError):
        share.send(big, "deep/big", interrupt_after(10 << 20))
    assert not share.exists("deep/big")
    assert list(share.list()) == []
    file_shares.calls.clear()
    steps = []
    share.send(big, "deep/big", steps.append)
    assert steps[0] >= 8 << 20, "what the first try sent is not sent again"
    assert sum(steps) == 30 << 20
    assert sum("comp=range&" in f"{call}&" for call in file_shares.calls) < 8
    share.get("deep/big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    assert [path for path, _ in share.list()] == ["deep/big"]
    steps.clear()
    share.send(big, "deep/big", steps.append)
    assert steps == [30 << 20], "the same content is not sent twice"


def test_an_interrupted_download_goes_on(share, big, tmp_path):
    share.put(big, "big")
    with pytest.raises(InterruptedTransferError):
        share.receive("big", tmp_path / "back", interrupt_after(10 << 20))
    steps = []
    share.receive("big", tmp_path / "back", steps.append)
    assert steps[0] == 16 << 20
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_a_file_that_is_replaced_meanwhile_is_not_mixed(share, big, tmp_path):
    share.put(big, "big")

    def replace(_size: int) -> None:
        (tmp_path / "other").write_bytes(b"x" * (30 << 20))
        share.put(tmp_path / "other", "big")

    with pytest.raises(StoreError, match=r"meanwhile|damaged"):
        share.receive("big", tmp_path / "back", replace)
    assert not (tmp_path / "back").exists()
    share.get("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"x" * (30 << 20)


def test_two_uploads_of_the_same_content_both_end_well(share, big, tmp_path):
    """They share the hidden file; the first one renames it."""
    done = []

    def meanwhile(_size: int) -> None:
        if not done:
            done.append(True)
            share.put(big, "big")

    share.send(big, "big", meanwhile)
    share.get("big", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == big.read_bytes()


def test_a_file_that_changes_meanwhile_is_not_stored(share, big):
    def change(_size: int) -> None:
        os.utime(big, ns=(1, 1))

    with pytest.raises(InvalidInputError, match="changed while it was uploaded"):
        share.send(big, "big", change)
    assert not share.exists("big")


def test_wrong_keys_and_missing_shares_are_sentences(share, source, monkeypatch):
    gone = ShareDatastore("files", share.config.model_copy(update={"share": "no-such-share"}))
    for ask in (lambda: gone.put(source, "a/b"), lambda: gone.exists("a"), lambda: list(gone.list()), gone.check):
        with pytest.raises(NotFoundError, match="there is no share 'no-such-share'"):
            ask()
    monkeypatch.setenv("SHARES_KEY", "d3Jvbmc=")
    wrong = ShareDatastore("files", share.config)
    for ask in (lambda: wrong.put(source, "a"), lambda: wrong.exists("a"), lambda: list(wrong.list()), wrong.check):
        with pytest.raises(BackendError, match=r"The datastore 'files' refused: share '.*' at .* did not let us in"):
            ask()


def test_a_signed_url_reads_one_file_for_a_while(share, source):
    share.put(source, "in/ü 1.bin")
    url = share.signed_url("in/ü 1.bin", "read", HOUR)
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"
    for bad in (url.replace("sp=r", "sp=rw"), share.signed_url("in/ü 1.bin", "read", timedelta(microseconds=1))):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(bad)
    for path, permission in (("a", "write"), ("", "read")):
        with pytest.raises(InvalidInputError, match="can sign URLs to read single files"):
            share.signed_url(path, permission, HOUR)


@pytest.mark.parametrize("path", ["a:b", "what?", "a\\b", 'a"b', "a*", "line\nend"])
def test_names_that_a_share_cannot_have_are_refused(share, source, path):
    with pytest.raises(InvalidInputError, match="is no path in a file share"):
        share.put(source, path)


def test_the_uri_is_the_files_address_without_a_signature(share, file_shares):
    assert share.uri("a b/c") == f"{file_shares.url}/{share.config.share}/a%20b/c"


@pytest.mark.parametrize("share_name", ["ab", "A-b", "a--b", "x" * 64])
def test_a_shares_name_is_checked(share_name):
    with pytest.raises(ValueError, match="share"):
        ShareConfig(share=share_name, account_url="https://x.file.core.windows.net")
