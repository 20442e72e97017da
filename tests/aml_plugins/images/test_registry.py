"""Push and pull with a real registry, and with one that fails in between."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from services.container_registry import PASSWORD, USER
from services.serving import SCRIPT

from aml_plugins import Image, InferenceConfig, Workspace
from aml_plugins.errors import BackendError, InvalidInputError, OperationFailedError, TransientBackendError
from aml_plugins.images.layout import Layout, digest_of
from aml_plugins.images.opening import image_layout, load_registry
from aml_plugins.images.references import split_reference
from aml_plugins.images.registry.client import RegistryClient


@pytest.fixture
def settings(registry, monkeypatch):
    monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
    monkeypatch.setenv("AML_REGISTRY_LONGEST_PAUSE", "0.01")
    return {
        "type": "oci",
        "address": registry,
        "prefix": "team",
        "username": USER,
        "password": "secret://env/REGISTRY_PASSWORD",
    }


def test_an_image_is_pushed_and_pulled(serving, settings, registry, tmp_path):
    image = serving.image(registry=settings)
    assert image.location == f"{registry}/team/iris-svc@{image.digest}"
    pulled = load_registry(serving.workspace.context, settings).pull(
        Layout(tmp_path / "l"), image.location, lambda _: None
    )
    assert pulled == image.digest
    for blob in Layout(tmp_path / "l").blobs_of(pulled):
        assert Layout(tmp_path / "l").has(blob.digest)
    again = serving.image(registry=settings)
    assert "is there." in again.get_logs()
    assert PASSWORD not in image.get_logs() + str(image.record)


def test_a_pushed_image_is_a_base(serving, settings, registry, tmp_path, monkeypatch):
    image = serving.image(registry=settings)
    base = f"{registry}/team/iris-svc:{image.version}"
    with pytest.raises(OperationFailedError, match="refused with 401"):  # bases are pulled without a password
        serving.image(base_image=base)
    assert serving.image(registry=settings, base_image=base).location  # but from where the image goes to


def test_a_wrong_password_is_a_sentence(serving, settings, monkeypatch):
    monkeypatch.setenv("REGISTRY_PASSWORD", "not-the-one-7")
    with pytest.raises(OperationFailedError, match="refused with 401"):
        serving.image(registry=settings)
    image = Image.get(serving.workspace, "iris-svc")
    assert image.state == "Failed"
    assert "not-the-one-7" not in str(image.record) + image.get_logs()


def test_a_password_that_is_not_there_is_a_sentence(serving, settings, monkeypatch):
    monkeypatch.delenv("REGISTRY_PASSWORD")
    with pytest.raises(OperationFailedError, match="REGISTRY_PASSWORD"):
        serving.image(registry=settings)


def test_a_registry_that_is_away_is_a_sentence(serving, settings):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        free = f"127.0.0.1:{found.getsockname()[1]}"
    with pytest.raises(OperationFailedError, match="cannot be reached"):
        serving.image(registry={**settings, "address": free})


@contextmanager
def breaking(address: str, cuts: int, after: int, *, answers: bool = False) -> Iterator[str]:
    """A way to the registry that breaks the first connections off after some bytes, and then holds.

    :param answers: count the bytes that come back, not those that are sent.
    """
    host, port = address.split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    left = [cuts]

    def carry(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if limit is not None and passed > limit:
                    left[0] -= 1
                    break
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection((host, int(port)))
            limit = after if left[0] > 0 else None
            there, back = (None, limit) if answers else (limit, None)
            threading.Thread(target=carry, args=(client, server, there), daemon=True).start()
            threading.Thread(target=carry, args=(server, client, back), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def test_a_push_outlives_connections_that_break(serving, settings, registry):
    with breaking(registry, cuts=2, after=100_000) as address:
        # Another repository, so that nothing is there already.
        image = serving.image(registry={**settings, "address": address, "prefix": "broken"})
    assert "is there." not in image.get_logs()
    found = RegistryClient(registry, lambda: (USER, PASSWORD)).manifest("broken/iris-svc", str(image.version))[0]
    assert found


def test_a_push_that_never_gets_through_fails_and_leaves_no_tag(serving, settings, registry):
    with (
        breaking(registry, cuts=1000, after=100_000) as address,
        pytest.raises(OperationFailedError, match="cannot be reached"),
    ):
        serving.image(registry={**settings, "address": address, "prefix": "hopeless"})
    with pytest.raises(BackendError, match="refused with 404"):
        RegistryClient(registry, lambda: (USER, PASSWORD)).manifest("hopeless/iris-svc", "1")


def test_a_pull_outlives_connections_that_break(serving, settings, registry, tmp_path):
    image = serving.image(registry=settings)
    name = image.location.split("/", 1)[1]
    with breaking(registry, cuts=2, after=100_000, answers=True) as address:
        puller = load_registry(serving.workspace.context, {**settings, "address": address})
        layout = Layout(tmp_path / "l")
        assert puller.pull(layout, f"{address}/{name}", lambda _: None) == image.digest
    assert all(layout.has(blob.digest) for blob in layout.blobs_of(image.digest))


def test_a_pull_that_never_gets_through_leaves_no_blob(serving, settings, registry, tmp_path):
    image = serving.image(registry=settings)
    name = image.location.split("/", 1)[1]
    largest = max(
        Layout(image_layout(serving.workspace.context).root).blobs_of(image.digest), key=lambda blob: blob.size
    )
    with (
        breaking(registry, cuts=1000, after=100_000, answers=True) as address,
        pytest.raises(TransientBackendError, match="cannot be reached"),
    ):
        load_registry(serving.workspace.context, {**settings, "address": address}).pull(
            Layout(tmp_path / "l"), f"{address}/{name}", lambda _: None
        )
    assert not Layout(tmp_path / "l").has(largest.digest)
    assert list((tmp_path / "l" / "partial").iterdir()) == []


def test_a_registry_that_sends_another_content_is_not_believed(serving, settings, registry, tmp_path, registry_data):
    image = serving.image(registry={**settings, "prefix": "damaged"})
    layer = image_layout(serving.workspace.context).blobs_of(image.digest)[-2]
    value = layer.digest.partition(":")[2]
    stored = registry_data / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"
    good = stored.read_bytes()
    stored.write_bytes(b"x" * len(good))
    try:
        with pytest.raises(BackendError, match="another content"):
            load_registry(serving.workspace.context, settings).pull(Layout(tmp_path / "l"), image.location, print)
    finally:
        stored.write_bytes(good)
    assert not Layout(tmp_path / "l").has(layer.digest)


def _push_and_stop(home: str, source: str, base: str, settings: dict[str, str], at: str) -> None:
    """Begin a build and be killed while the image is pushed."""
    os.environ.update(AML_HOME=home, REGISTRY_PASSWORD=PASSWORD)

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if at == "second blob":
        whole, calls = RegistryClient.push_blob, []

        def push(self: RegistryClient, *arguments: object) -> None:
            calls.append(1)
            die() if len(calls) > 1 else whole(self, *arguments)

        RegistryClient.push_blob = push
    else:
        RegistryClient.push_manifest = die
    inference = InferenceConfig("score.py", source)
    Image.create(Workspace.get(), "iris-svc", models=[], inference=inference, base_image=base, registry=settings)


@pytest.mark.parametrize("at", ["second blob", "manifest"])
def test_a_push_whose_process_was_killed_is_made_up_for(serving, settings, registry, aml_home, at):
    (serving.source / "score.py").write_text(SCRIPT)
    given = {**settings, "prefix": f"killed-{at.partition(' ')[0]}"}
    process = multiprocessing.get_context("spawn").Process(
        target=_push_and_stop, args=(str(aml_home), str(serving.source), str(serving.base), given, at)
    )
    process.start()
    process.join(600)
    assert process.exitcode == -signal.SIGKILL
    image = Image.get(serving.workspace, "iris-svc")
    assert image.state == "Building"
    image.wait_for_creation()
    assert image.location == f"{registry}/{given['prefix']}/iris-svc@{image.digest}"
    found = RegistryClient(registry, lambda: (USER, PASSWORD)).manifest(f"{given['prefix']}/iris-svc", "1")[0]
    assert digest_of(found) == image.digest


def test_throttling_is_waited_for(monkeypatch):
    monkeypatch.setenv("AML_REGISTRY_LONGEST_PAUSE", "0.01")
    asked = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.recv(65536)
            asked.append(1)
            status = b"429 Too Many" if len(asked) < 3 else b"200 OK"
            client.sendall(
                b"HTTP/1.1 " + status + b"\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        client = RegistryClient(f"127.0.0.1:{listener.getsockname()[1]}", lambda: None)
        assert client.has_blob("a", f"sha256:{'0' * 64}")
        assert len(asked) == 3


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("r.example/a/b:1", ("r.example", "a/b", "1")),
        ("r.example:5000/a", ("r.example:5000", "a", "latest")),
        ("localhost/a@sha256:00", ("localhost", "a", "sha256:00")),
        ("r.example/a:1@sha256:00", ("r.example", "a", "sha256:00")),
    ],
)
def test_references(reference, parts):
    assert split_reference(reference) == parts


@pytest.mark.parametrize("reference", ["python:3.11", "library/python"])
def test_a_reference_names_its_registry(reference):
    with pytest.raises(InvalidInputError, match="HOST/REPOSITORY"):
        split_reference(reference)
