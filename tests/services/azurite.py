"""A throw-away Azurite, Microsoft's emulator of Azure Blob Storage: own port, in memory, gone at the end."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.loopback import free_port
from services.starting import is_listening, wait_until_started

__all__ = ["INSTALL", "Azurite", "find_program", "running_azurite"]

_TOOL = Path(__file__).parents[2] / "tools" / "azurite"
INSTALL = "tools/azurite install"
_ENVIRONMENT = dict(os.environ)
"""Ours, before a test gave itself another home: the program lies in this one's cache."""
_STOP_SECONDS = 60
ACCOUNT = "amltests"
KEY = base64.b64encode(b"a key of the tests and of nobody else, 64 bytes long as real ones").decode()


@dataclass(frozen=True)
class Azurite:
    """A running server.

    :param url: address of the one account, ``http://127.0.0.1:PORT/ACCOUNT``.
    """

    url: str
    account: str
    key: str
    process: subprocess.Popen[bytes]

    @property
    def connection_string(self) -> str:
        protocol = self.url.partition(":")[0]
        account = f"AccountName={self.account};AccountKey={self.key}"
        return f"DefaultEndpointsProtocol={protocol};{account};BlobEndpoint={self.url};"

    def create_container(self, name: str | None = None) -> str:
        """Create a container, with a name of its own where none is given."""
        from azure.storage.blob import BlobServiceClient

        name = name or f"test-{uuid.uuid4().hex[:12]}"
        with BlobServiceClient.from_connection_string(self.connection_string) as client:
            client.create_container(name)
        return name


def find_program() -> Path | None:
    """Return Azurite's program."""
    found = subprocess.run([_TOOL, "find"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


@contextmanager
def running_azurite(program: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[Azurite]:
    """Start Azurite and stop it at the end, or with the process that started it.

    :param certificate: and its key: then it speaks https, and lets identities in by their tokens.
    """
    directory = Path(tempfile.mkdtemp(prefix="aml-azurite-"))
    port = free_port()
    # Without skipApiVersionCheck, Azurite refuses every SDK that is newer than itself.
    options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    if certificate:
        options += ["--oauth", "basic", "--cert", str(certificate[0]), "--key", str(certificate[1])]
    command = ["node", program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options]
    setpriv = shutil.which("setpriv")
    leash = [setpriv, "--pdeathsig", "KILL"] if setpriv else []
    environment = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [*leash, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, env=environment
        )
    try:
        wait_until_started("Azurite", process, directory / "log", lambda: is_listening(port))
        scheme = "https" if certificate else "http"
        yield Azurite(f"{scheme}://127.0.0.1:{port}/{ACCOUNT}", ACCOUNT, KEY, process)
    finally:
        process.kill()
        process.wait(timeout=_STOP_SECONDS)
        shutil.rmtree(directory, ignore_errors=True)
