"""One build of a registry's task, by the command ``docker``: the files unpacked, the image built and pushed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aml_plugins.testing.azure_emulator.engines import LABEL, engine

__all__ = ["EngineBuild"]

_PLAIN = {"DOCKER_BUILDKIT": "0"}  # the builder that every engine has; it takes its context from a pipe


class EngineBuild:
    """A build that runs in a thread.

    :param request: the ``DockerBuildRequest``.
    :param source: the context, a tar archive that may be compressed.
    :param host: the registry's, as images are named.
    :param login: who pushes; :param write: takes what the build says.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        source: bytes,
        host: str,
        login: tuple[str, str],
        write: Callable[[bytes], None],
    ) -> None:
        self._request = request
        self._source = source
        self._names = [f"{host}/{name}" for name in request.get("imageNames") or ()]
        self._host = host
        self._login = login
        self._write = write
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self.is_canceled = False

    def run(self) -> str:
        """Build; return the status that the service has for how it ended."""
        program = engine()
        if program is None:
            self._write(b"The emulator needs a running container engine to build images.\n")
            return "Error"
        with tempfile.TemporaryDirectory(prefix="aml-emulator-build-") as folder:
            pair = base64.b64encode(":".join(self._login).encode()).decode()
            Path(folder, "config.json").write_text(json.dumps({"auths": {self._host: {"auth": pair}}}))
            docker = [program, "--config", folder]
            done = self._did([*docker, *self._arguments(), "-"], self._source)
            pushed = self._request.get("isPushEnabled", True)
            for name in self._names if done and pushed else ():
                done = done and self._did([*docker, "push", "--quiet", name])
        if self._names:
            subprocess.run([program, "rmi", "--no-prune", *self._names], capture_output=True, check=False)
        if self.is_canceled:
            return "Canceled"
        return "Succeeded" if done else "Failed"

    def cancel(self) -> None:
        """End it."""
        with self._lock:
            self.is_canceled = True
            if self._process is not None:
                self._process.kill()

    def _arguments(self) -> list[str]:
        request = self._request
        given = [f"{one['name']}={one['value']}" for one in request.get("arguments") or ()]
        return [
            *("build", "--network", "host", "--rm", "--force-rm", "--label", LABEL),
            *("--file", str(request.get("dockerFilePath") or "Dockerfile")),
            *(part for name in self._names for part in ("--tag", name)),
            *(part for one in given for part in ("--build-arg", one)),
            *(("--target", str(request["target"])) if request.get("target") else ()),
            *(("--no-cache",) if request.get("noCache") else ()),
        ]

    def _did(self, command: list[str], content: bytes = b"") -> bool:
        """Run a command, what it says written as it comes; say whether it did what it should."""
        with self._lock:
            if self.is_canceled:
                return False
            self._process = process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, **_PLAIN},
            )  # fmt: skip
        assert process.stdin is not None  # noqa: S101  as it was started
        assert process.stdout is not None  # noqa: S101  likewise
        feeding = threading.Thread(target=_feed, args=(process.stdin, content), daemon=True)
        feeding.start()
        for line in process.stdout:
            self._write(line)
        feeding.join()
        return process.wait() == 0


def _feed(target: Any, content: bytes) -> None:
    try:
        target.write(content)
        target.close()
    except OSError:  # the build ended before it had read everything
        return
