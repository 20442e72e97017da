"""What a container group gives its containers: a network, volumes, and credentials for registries."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["Surroundings"]

Docker = Callable[..., "subprocess.CompletedProcess[bytes]"]


class Surroundings:
    """Of one group.

    :param properties: of the group, as it was asked for.
    """

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = properties
        self._directory: Path | None = None

    @property
    def network(self) -> str:
        """The engine's network: a group that asks for an address has one of its own, others use this machine's."""
        return "bridge" if self._properties.get("ipAddress") else "host"

    def address(self, name: str, docker: Docker) -> str | None:
        """Return the address of a container that runs."""
        if self.network == "host":
            return None
        shown = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        return shown.stdout.decode().strip() or None

    def mounts(self, container: Mapping[str, Any]) -> list[str]:
        """Return the options that mount a container's volumes; they outlive it, and go with the group."""
        volumes = {volume["name"]: volume for volume in self._properties.get("volumes") or ()}
        found = []
        for mount in container.get("volumeMounts") or ():
            source = self._volume(volumes[mount["name"]])
            ending = ":ro" if mount.get("readOnly") else ""
            found += ["--volume", f"{source}:{mount['mountPath']}{ending}"]
        return found

    def log_in(self, image: str, docker: Docker) -> None:
        """Bring an image for which the group has credentials; no password is on a command line."""
        for credential in self._properties.get("imageRegistryCredentials") or ():
            server = str(credential["server"])
            if image.partition("/")[0] == server.partition("://")[2] or image.partition("/")[0] == server:
                pair = f"{credential['username']}:{credential['password']}".encode()
                auths = {"auths": {image.partition("/")[0]: {"auth": base64.b64encode(pair).decode()}}}
                with tempfile.TemporaryDirectory(prefix="aml-emulator-login-") as folder:
                    Path(folder, "config.json").write_text(json.dumps(auths))
                    docker("--config", folder, "pull", image)

    def close(self) -> None:
        """Delete the volumes."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _volume(self, volume: Mapping[str, Any]) -> Path:
        """Return the directory of a volume: empty and for everybody, or with the files of a secret."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="aml-emulator-volumes-"))
            self._directory.chmod(0o711)
        directory = self._directory / str(volume["name"])
        if not directory.exists():
            directory.mkdir()
            for name, content in (volume.get("secret") or {}).items():
                (directory / name).write_bytes(base64.b64decode(content))
            directory.chmod(0o755 if "secret" in volume else 0o777)
        return directory
