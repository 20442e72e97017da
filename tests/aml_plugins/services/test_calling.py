"""A call of a service whose machine vanishes without a word."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from services.bridges import run
from services.requirements import require_service

from aml_plugins.errors import TransientBackendError
from aml_plugins.services import calling

SERVER = """
import socket, time
listener = socket.create_server(("0.0.0.0", 80))
print("ready", flush=True)
connection, _ = listener.accept()
connection.recv(1)
print("asked", flush=True)
time.sleep(600)
"""


@contextmanager
def another_machine() -> Iterator[tuple[str, str]]:
    """Make a network of its own; yield its name and its address, which goes with the network's cable."""
    number = os.getpid() % 30000
    name, address = f"amlcall{number}", f"10.97.{number % 250}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", f"amlv{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "addr", "add", f"{address}.1/24", "dev", f"amlv{number}")
        run("ip", "link", "set", f"amlv{number}", "up")
        run("ip", "-n", name, "addr", "add", f"{address}.2/24", "dev", "eth0")
        run("ip", "-n", name, "link", "set", "eth0", "up")
        yield name, f"{address}.2"
    finally:
        run("ip", "netns", "del", name)


def test_it_is_given_up_though_an_answer_may_take_an_hour(monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("only root can make a network whose cable is cut")
    require_service("iproute2", shutil.which("ip"), "apt-get install iproute2")
    short = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 2, "TCP_USER_TIMEOUT": 2000}
    assert set(short) == set(calling._NOTICING)
    monkeypatch.setattr(calling, "_NOTICING", short)
    calling._pool.cache_clear()
    with another_machine() as (name, address):
        command = ["ip", "netns", "exec", name, sys.executable, "-c", SERVER]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"

            def vanish() -> None:
                server.stdout.readline()
                run("ip", "-n", name, "link", "set", "eth0", "down")

            vanishing = threading.Thread(target=vanish)
            vanishing.start()
            begun = time.monotonic()
            with pytest.raises(TransientBackendError, match="cannot be reached"):
                calling.call_service("iris", f"http://{address}/score", "x", key=None)
            assert time.monotonic() - begun < 60
            vanishing.join()
            server.kill()
    calling._pool.cache_clear()
