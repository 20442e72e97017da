"""What starts a container's job before its runner is there."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from aml_plugins.compute.courier import courier_loader


def test_a_job_that_is_cancelled_before_its_runner_came_ends_at_once(tmp_path: Path) -> None:
    """As the first process of a container, the loader would sleep through a signal that it does not handle."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/runner.pyz"
        orders = {"AML_COURIER": json.dumps({"fetch": {"runner.pyz": url}})}
        loader = subprocess.Popen(courier_loader(sys.executable, str(tmp_path)), env={**os.environ, **orders})
        connection, _ = silent.accept()
        loader.send_signal(signal.SIGTERM)
        with connection:
            assert loader.wait(120) == 143
