"""Inputs and outputs that a server sends to storage itself: Azurite takes them, a gateway loses and refuses them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from services.azure import blob_datastore
from services.azurite import Azurite

from aml_backends.azure.storage.blob import BlobDatastore
from aml_plugins.scoring import capture_upload
from aml_plugins.scoring.answers import Answer
from aml_plugins.scoring.capture_upload import CaptureUpload
from aml_plugins.scoring.incoming import Incoming

Send = Callable[..., None]


@pytest.fixture
def datastore(azurite: Azurite) -> BlobDatastore:
    return blob_datastore(azurite)


@pytest.fixture
def address(datastore: BlobDatastore) -> str:
    return datastore.signed_url("", "append", timedelta(hours=1))


@pytest.fixture
def upload(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[CaptureUpload]:
    monkeypatch.setattr(capture_upload, "_LONGEST_PAUSE", 0.05)
    made = CaptureUpload(address, "iris", pause=0.02)
    yield made
    made.close()


def write(upload: CaptureUpload, number: int) -> None:
    incoming = Incoming({"type": "http", "method": "POST", "path": "/score", "query_string": b"", "headers": []})
    incoming.body = json.dumps({"n": number}).encode()
    upload.write(incoming, Answer(200, [], b'"yes"'), f"id-{number}")


def lines_of(datastore: BlobDatastore, tmp_path: Any) -> list[dict[str, Any]]:
    found = []
    for path, _ in sorted(datastore.list("captured/iris")):
        datastore.get(path, tmp_path / "blob")
        found += [json.loads(line) for line in (tmp_path / "blob").read_text().splitlines()]
    return found


def numbers(lines: list[dict[str, Any]]) -> list[int]:
    return [json.loads(line["input"])["n"] for line in lines]


def test_lines_arrive_in_order_and_the_last_with_the_end(datastore, upload, tmp_path):
    write(upload, 0)
    while not lines_of(datastore, tmp_path):  # before the server ends
        threading.Event().wait(0.05)
    for number in range(1, 300):
        write(upload, number)
    upload.close()
    found = lines_of(datastore, tmp_path)
    assert numbers(found) == list(range(300))
    assert {(line["status"], line["output"]) for line in found} == {(200, '"yes"')}
    for path, _ in datastore.list("captured/iris"):
        assert path.count("/") == 5  # captured/SERVICE/YYYY/MM/DD/…


@pytest.mark.parametrize("is_stored", [False, True], ids=["it never came", "it came, and nobody heard"])
def test_what_was_lost_on_the_way_is_stored_once(datastore, upload, tmp_path, monkeypatch, is_stored):
    real, losses = capture_upload._put, iter([True, True, True])

    def lossy(address: str, body: bytes, *others: Any, **more: Any) -> None:
        is_lost = bool(body) and next(losses, False)
        if is_stored or not is_lost:
            real(address, body, *others, **more)
        if is_lost:
            raise TimeoutError

    monkeypatch.setattr(capture_upload, "_put", lossy)
    monkeypatch.setattr(capture_upload, "_longer", lambda _pause: 0.02)
    hours = iter(["2030/01/01/00", "2030/01/01/01"])
    monkeypatch.setattr(capture_upload.time, "strftime", lambda *_: next(hours, "2030/01/01/02"))
    for number in range(50):
        write(upload, number)
    upload.close()
    assert numbers(lines_of(datastore, tmp_path)) == list(range(50))


def test_storage_that_refuses_is_named_without_the_address(address, caplog, monkeypatch):
    monkeypatch.setattr(capture_upload, "_LEAVING_SECONDS", 0.1)
    with caplog.at_level(logging.ERROR, logger="azmlinfsrv"):
        upload = CaptureUpload(address.replace("sig=", "sig=A"), "iris", pause=0.02)
        write(upload, 0)
        while not caplog.records:
            threading.Event().wait(0.02)
        upload.close()
    assert "cannot be stored now: the storage refused with 403 AuthenticationFailed" in caplog.text.replace(
        "AuthorizationFailure", "AuthenticationFailed"
    )
    assert "sig=" not in caplog.text


def test_what_is_too_much_is_dropped_and_counted(datastore, address, tmp_path, monkeypatch):
    monkeypatch.setattr(capture_upload, "_WAITING", 2)
    upload = CaptureUpload(address, "iris", pause=3600)
    for number in range(5):
        write(upload, number)
    upload._over.set()
    while not upload._lines.empty():
        threading.Event().wait(0.02)
    upload.close()
    assert numbers(lines_of(datastore, tmp_path)) == [0, 1]
    assert upload._dropped == 3


def test_a_blob_that_somebody_deleted_is_made_anew(datastore, upload, tmp_path):
    for number in range(2):
        write(upload, number)
        while numbers(lines_of(datastore, tmp_path)) != [number]:
            threading.Event().wait(0.05)
        for path, _ in list(datastore.list("captured/iris")):
            datastore.delete(path)
