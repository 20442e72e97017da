"""Whether a machine is the one that was meant: its host key is known, pinned, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aml_backends.ssh.config import SSH_PORT, Host, SshConfig
from aml_plugins.errors import BackendError

__all__ = ["HostKeyCheck", "HostKeyError"]

DEFAULT_KNOWN_HOSTS = "~/.ssh/known_hosts"


class HostKeyError(BackendError):
    """The machine's host key is unknown or not the one it had."""

    code = "host_key"


class HostKeyCheck:
    """Decides about one machine's key, and remembers what it saw, for the sentence that says so."""

    def __init__(self, config: SshConfig, host: Host) -> None:
        self._pinned = frozenset(config.fingerprint)
        self._file = Path(config.known_hosts or DEFAULT_KNOWN_HOSTS).expanduser()
        self._host = host
        self.seen: str | None = None

    def known_hosts(self) -> bytes:
        """Return the content of the file of known hosts; nothing where fingerprints are pinned in its place.

        :raises HostKeyError: where the file that was named cannot be read.
        """
        if self._pinned:
            return b""
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise HostKeyError(f"'{self._file}' cannot be read: {error.strerror}.", "Set known_hosts.") from None

    def accepts(self, key: Any) -> bool:
        """Say whether to trust a key that no known_hosts line names."""
        self.seen = str(key.get_fingerprint())
        return self.seen in self._pinned

    def refusal(self) -> HostKeyError:
        """Say what was wrong with the key, and what to do."""
        label = self._host.label
        if self.seen is None:
            return HostKeyError(
                f"The machine '{label}' has no host key of the kind that '{self._file}' names for it.",
                "Ask whoever runs it whether its keys were changed.",
            )
        if self._pinned:
            return HostKeyError(
                f"The host key of '{label}' has the fingerprint {self.seen}, which is none of those of the target.",
                "Ask whoever runs it: either the machine was set up anew, or somebody stands in between.",
            )
        if self._is_known():
            return HostKeyError(
                f"The host key of '{label}' is not the one in '{self._file}'; it has the fingerprint {self.seen}.",
                "Ask whoever runs it: either the machine was set up anew, or somebody stands in between.",
            )
        return HostKeyError(
            f"The host key of '{label}' is not known; it has the fingerprint {self.seen}.",
            f"If that is right, attach the target with --fingerprint {self.seen}, or run: "
            f"ssh-keyscan -p {self._host.port} {self._host.name} >> {self._file}",
        )

    def _is_known(self) -> bool:
        import asyncssh  # noqa: PLC0415  where it is used

        known = asyncssh.import_known_hosts(self.known_hosts().decode("utf-8", "replace"))
        port = None if self._host.port == SSH_PORT else self._host.port
        return bool(known.match(self._host.name, "", port)[0])
