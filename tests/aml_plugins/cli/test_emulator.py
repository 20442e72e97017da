"""``aml emulator start azure``: as a program, since it runs until it is told to end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request

from services.refusals import environment, refused

START = [sys.executable, "-m", "aml_plugins.cli", "emulator", "start", "azure"]


def test_it_says_where_it_is_and_ends_when_it_is_told(aml_home):
    with subprocess.Popen(
        [*START, "-o", "json", "--no-authentication", "--registry", "127.0.0.1:9"],
        stdout=subprocess.PIPE,
        env=environment(),
    ) as started:
        said = b""
        while not said.endswith(b"}\n"):
            said += started.stdout.read1()
        found = json.loads(said)
        assert found["registry"] == found["resource_manager"]
        with urllib.request.urlopen(f"{found['batch']}/pools?api-version=2025-06-01") as answer:
            assert json.load(answer)["value"] == []
        with urllib.request.urlopen(f"{found['control']}/record") as answer:
            assert json.load(answer)["calls"] == ["GET /pools"]
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0


def test_what_is_no_fault_is_refused(aml_home):
    command = [*START, "--fault", "plague"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    refused(done, 2, "'plague' is no fault.", "throttle")


def test_a_port_that_is_taken_is_told(aml_home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [*START, "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    refused(done, 1, "cannot be used", "Choose another")
