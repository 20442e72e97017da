"""A throw-away container registry with a user, on a free port of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.loopback import free_port
from services.starting import is_listening, wait_until_started

TOOL = Path(__file__).parents[2] / "tools" / "container-registry"
INSTALL = "tools/container-registry install"
USER, PASSWORD = "pusher", "open sesame"
# bcrypt of the password above, of the lowest cost; made once, so that no test needs a bcrypt library.
HASH = "$2b$04$JGk/8nkY6vtmu5LEl8ULQ.DVoFzb/91yyoAfCY7ZRPvb/SRtcyvBO"
_CONFIGURATION = """
version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", secret: x}}
auth:
  htpasswd: {{realm: tests, path: {passwords}}}
"""


def find_program() -> str | None:
    found = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


@contextmanager
def running_registry(program: str, directory: Path) -> Iterator[str]:
    """Start a registry; yield its address."""
    port = free_port()
    (directory / "htpasswd").write_text(f"{USER}:{HASH}\n")
    configuration = directory / "registry.yml"
    configuration.write_text(
        _CONFIGURATION.format(data=directory / "data", port=port, passwords=directory / "htpasswd")
    )
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", configuration], stdout=log, stderr=log)
    try:
        wait_until_started("The registry", process, directory / "log", lambda: is_listening(port))
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
