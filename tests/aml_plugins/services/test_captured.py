"""What services captured arrives in a datastore: once, and nothing is lost with the service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aml_plugins import Service
from aml_plugins.errors import AmlError, NotFoundError, OperationFailedError, TransientBackendError
from aml_plugins.services import captured
from aml_plugins.services.driving import drive_once
from aml_plugins.store.leases import new_owner


def look(serving, service: Service) -> None:
    """What a monitor does every few seconds."""
    drive_once(serving.workspace.context, service.refresh().record, new_owner())


def lines_of(root: Path, service: str = "iris") -> list[dict]:
    files = sorted((root / "captured" / service).rglob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def put_lines(folder: Path, *lines: str, name: str = "2026-01-02-03-77-0.jsonl") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


@pytest.fixture
def store(serving, tmp_path) -> Path:
    """The directory of a datastore ``kept``."""
    serving.workspace.register_datastore("directory", "kept", path=str(tmp_path / "kept"))
    return tmp_path / "kept"


def test_inputs_and_outputs_arrive_and_the_rest_with_the_end(serving, store):
    service = serving.image().deploy("iris", wait=True, capture="kept")
    for number in range(3):
        service.run({"n": number})
    look(serving, service)
    look(serving, service)
    service.run({"n": 3})
    service.delete()
    found = lines_of(store)
    assert [json.loads(line["input"])["n"] for line in found] == [0, 1, 2, 3]
    assert {line["status"] for line in found} == {200}
    year = next((store / "captured" / "iris").iterdir())
    assert year.name.isdigit()


def test_true_means_the_default_datastore(serving, aml_home):
    service = serving.image().deploy("iris", wait=True, capture=True)
    service.run("x")
    service.delete()
    assert [path.name for path in aml_home.rglob("captured")] == ["captured"]
    assert len(list(aml_home.rglob("captured/iris/**/*.jsonl"))) == 1


def test_a_datastore_that_is_not_there_is_refused(serving):
    with pytest.raises(NotFoundError, match="nowhere"):
        serving.image().deploy("iris", capture="nowhere")
    assert Service.list(serving.workspace) == []


class Deaf:
    """A datastore that fails, or dies after it has stored."""

    def __init__(self, datastore: object, error: AmlError, *, after: bool) -> None:
        self.datastore, self.error, self.after = datastore, error, after

    def put(self, local: Path, path: str) -> None:
        if self.after:
            self.datastore.put(local, path)
        raise self.error


@pytest.mark.parametrize("after", [False, True], ids=["nothing stored", "stored, and its word lost"])
def test_what_cannot_be_stored_waits_and_is_there_once(serving, store, tmp_path, monkeypatch, after):
    service = serving.image().deploy("iris", wait=True, capture="kept")
    directory = tmp_path / "service"
    put_lines(directory / "captured", "{}", "{}")
    context, record = serving.workspace.context, service.record
    captured.collect(context, record, directory)
    real = captured.open_datastore
    error = TransientBackendError("The datastore is away.")
    with monkeypatch.context() as patch:
        patch.setattr(captured, "open_datastore", lambda *names: Deaf(real(*names), error, after=after))
        captured.collect(context, record, directory)  # a warning, no exception
        with pytest.raises(TransientBackendError):
            captured.collect(context, record, directory, is_last=True)
    assert len(list(directory.rglob("*.jsonl"))) == 1
    captured.collect(context, record, directory, is_last=True)
    assert lines_of(store) == [{}, {}]
    assert list(directory.rglob("*.jsonl")) == []


def test_every_deployments_own_directory_is_looked_at(serving, store, tmp_path):
    service = serving.image().deploy("iris", wait=True, capture="kept")
    for key in ("one", "two"):
        put_lines(tmp_path / "service" / key / "state" / "captured", json.dumps({"key": key}), name="odd.jsonl")
    captured.collect(serving.workspace.context, service.record, tmp_path / "service", is_last=True)
    assert sorted(line["key"] for line in lines_of(store)) == ["one", "two"]


def test_a_service_that_captures_nothing_touches_nothing(serving, tmp_path):
    service = serving.image().deploy("iris", wait=True)
    put_lines(tmp_path / "service" / "captured", "{}")
    captured.collect(serving.workspace.context, service.record, tmp_path / "service", is_last=True)
    assert len(list((tmp_path / "service").rglob("*.jsonl"))) == 1
    with pytest.raises(OperationFailedError):
        service.run(b"\xff")
