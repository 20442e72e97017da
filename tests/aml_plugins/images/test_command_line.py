"""``aml image`` and ``aml service deploy``: what is said, which exit code, what is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from services.serving import SCRIPT
from sqlalchemy import event
from sqlalchemy.engine import Engine

from aml_plugins import Image, Service
from aml_plugins.cli.app import run
from aml_plugins.errors import NotFoundError, OperationFailedError


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A registry that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(240)
        yield listener


def create(serving, base: str) -> list[str]:
    (serving.source / "score.py").write_text(SCRIPT)
    source = ["--script", "score.py", "--source", str(serving.source)]
    return ["image", "create", "iris-svc", "--model", "iris", *source, "--base-image", base]


def test_the_newest_version_that_was_built_is_deployed(serving, capsys):
    good = serving.image()
    for _ in range(2):
        with pytest.raises(OperationFailedError):
            serving.image(base_image=str(serving.source))
    assert run(["service", "deploy", "iris", "--image", "iris-svc", "--no-wait"]) == 0
    assert "iris-svc:3 is Failed: iris-svc:1 is the newest that was built." in capsys.readouterr().err
    assert Service.get(serving.workspace, "iris").record.desired["image"] == "iris-svc:1"
    Service.get(serving.workspace, "iris").delete()
    assert run(["service", "deploy", "iris", "--image", "iris-svc:2", "--no-wait"]) == 2
    assert "its state is Failed" in capsys.readouterr().err
    good.delete()
    assert run(["service", "deploy", "iris", "--image", "iris-svc", "--no-wait"]) == 2
    assert "No version of the image 'iris-svc' was built" in capsys.readouterr().err
    assert Service.list(serving.workspace) == []


def test_a_registry_that_is_away_is_exit_code_3(serving, capsys):
    with socket.create_server(("127.0.0.1", 0)) as found:
        away = f"127.0.0.1:{found.getsockname()[1]}"
    assert run(create(serving, f"{away}/base:1")) == 3
    assert "cannot be reached" in capsys.readouterr().err
    assert Image.get(serving.workspace, "iris-svc").state == "Failed"
    assert run(create(serving, str(serving.source))) == 1
    assert "no OCI layout" in capsys.readouterr().err


def test_files_that_cannot_be_used_are_found_before_anything_is_written(serving, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    for base in ("./nowhere", "nothing.tar"):
        assert run(create(serving, base)) == 2
        assert f"There is no base image '{base}'" in capsys.readouterr().err
    assert run(create(serving, "python:3.12")) == 2
    assert "'python:3.12' is neither a file nor an image with its registry" in capsys.readouterr().err
    for content in (b"none", b"", b"\xff"):
        (tmp_path / "ca.pem").write_bytes(content)
        assert run([*create(serving, str(serving.base)), "--ca-file", "ca.pem"]) == 2
        assert "The file 'ca.pem' has no certificates." in capsys.readouterr().err
    for option, words in (
        ([], "Name it relative to that directory"),
        (["--requirement", "x"], "go into the conda file"),
    ):
        assert run([*create(serving, str(serving.base)), "--conda-file", "env.yml", *option]) == 2
        assert words in capsys.readouterr().err
    assert Image.list(serving.workspace) == []
    assert run(create(serving, serving.base.name)) == 0
    assert Image.get(serving.workspace, "iris-svc").record.config["base_image"] == str(serving.base)
    capsys.readouterr()
    for target, code, words in (("other", 2, "has other files"), ("other/file", 1, "'other/file' cannot be written")):
        assert run(["image", "pull", "iris-svc", target]) == code
        assert words in capsys.readouterr().err


def test_a_build_that_is_interrupted_as_it_ends_is_there_and_named(serving, capsys):
    ended = False

    def interrupt_after_the_end(_connection, _cursor, statement, parameters, *_) -> None:
        nonlocal ended
        if ended:
            event.remove(Engine, "before_cursor_execute", interrupt_after_the_end)
            raise KeyboardInterrupt
        ended = statement.startswith("UPDATE aml_images") and "Succeeded" in str(parameters)

    event.listen(Engine, "before_cursor_execute", interrupt_after_the_end)
    assert run(create(serving, str(serving.base))) == 130
    said = capsys.readouterr()
    assert "Interrupted; the build had ended. See: aml image show iris-svc:1" in said.err
    assert "Built image" not in said.out
    assert Image.get(serving.workspace, "iris-svc").state == "Succeeded"


def test_an_interrupted_build_is_left_to_a_monitor(serving, silent):
    base = f"127.0.0.1:{silent.getsockname()[1]}/base:1"
    command = [sys.executable, "-m", "aml_plugins.cli", *create(serving, base)]
    environment = {**os.environ, "AML_AUTO_MONITOR": "0"}
    building = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        connection, _ = silent.accept()
        building.send_signal(signal.SIGINT)
        _, said = building.communicate(timeout=240)
        connection.close()
    finally:
        building.kill()
        building.wait()
    assert building.returncode == 130, said
    assert "Interrupted; a monitor goes on with it. To end it: aml image delete iris-svc:1" in said
    assert "Traceback" not in said
    assert Image.get(serving.workspace, "iris-svc").state == "Building"
    assert run(["image", "delete", "iris-svc:1"]) == 0
    with pytest.raises(NotFoundError):
        Image.get(serving.workspace, "iris-svc")


def test_an_interrupted_wait_in_python_says_how_the_build_goes_on(serving, silent, monkeypatch):
    monkeypatch.setenv("AML_AUTO_MONITOR", "0")
    base = f"127.0.0.1:{silent.getsockname()[1]}/base:1"
    image = serving.image(base_image=base, wait=False)

    def interrupt() -> None:
        connection, _ = silent.accept()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        connection.close()

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt, match=r"iris-svc:1 is built on; .*: image\.wait_for_creation\(\)$"):
        image.wait_for_creation()
    assert image.refresh().record.state == "Building"
