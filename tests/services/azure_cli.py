"""Microsoft's command line for Azure, logged in to the emulator as to a cloud of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aml_plugins.testing.azure_emulator import AzureEmulator

__all__ = ["INSTALL", "AzureCli", "find_azure_cli", "running_azure_cli"]

INSTALL = "tools/azure-cli install"
_ROOT = Path(__file__).parents[2]
_TOOL = _ROOT / "tools" / "azure-cli"
_PROGRAM = _ROOT / "tests" / "aml_plugins" / "testing" / "azure_emulator" / "programs" / "azure_cli.py"


class AzureCli:
    """One process that takes commands; each is what a shell would get after ``az``."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, *arguments: str) -> Any:
        """Type a command that succeeds; return its output, read as JSON."""
        code, out, err = self.try_to(*arguments)
        assert code == 0, f"az {' '.join(arguments)}\n{err}"
        return json.loads(out) if out.strip() else None

    def try_to(self, *arguments: str) -> tuple[int, str, str]:
        """Type a command; return exit code, output and errors."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "The process of Azure's command line has ended."
        answer = json.loads(line)
        return int(answer["code"]), str(answer["out"]), str(answer["err"])


def find_azure_cli() -> Path | None:
    """Return the command, None where it is not installed."""
    done = subprocess.run([_TOOL, "find"], capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


@contextmanager
def running_azure_cli(command: Path, emulator: AzureEmulator, directory: Path) -> Iterator[AzureCli]:
    """Start the process and log in; its settings lie in ``directory``."""
    settings = emulator.settings
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "AML_"))},
        "AZURE_CONFIG_DIR": str(directory),
        "AZURE_CORE_COLLECT_TELEMETRY": "false",
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
        "AZURE_CORE_ENCRYPT_TOKEN_CACHE": "false",
        "REQUESTS_CA_BUNDLE": str(emulator.certificate),
        "AZURE_BATCH_ACCOUNT": settings.account,
        "AZURE_BATCH_ACCESS_KEY": settings.key,
        "AZURE_BATCH_ENDPOINT": emulator.https_url,
    }
    with (directory / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [command.with_name("python"), _PROGRAM],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
    try:
        az = AzureCli(process)
        az("cloud", "register", "--name", "Emulator", "--endpoint-resource-manager", emulator.https_url)
        az("cloud", "set", "--name", "Emulator")
        az(
            "login", "--service-principal", "--username", "00000000-0000-0000-0000-000000000009",
            "--password", "not a secret", "--tenant", settings.tenant,
        )  # fmt: skip
        yield az
    finally:
        process.kill()
        process.wait()
