"""Settings of a compute target of type ``ssh``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from aml_plugins.compute import TargetConfig
from aml_plugins.secrets import is_reference

__all__ = ["Host", "SshConfig", "parse_host"]

SSH_PORT = 22
LARGEST_PORT = 65535
_HOST = re.compile(r"(?:(?P<user>[^@\s/]+)@)?(?P<name>\[[0-9A-Fa-f:.%\w]+\]|[\w.-]+)(?::(?P<port>[0-9]+))?")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True, slots=True)
class Host:
    """Where one machine is; ``label`` is what people and handles call it."""

    name: str
    port: int
    user: str | None

    @property
    def label(self) -> str:
        """The machine's name, with the port where it is not SSH's own."""
        return self.name if self.port == SSH_PORT else f"{self.name}:{self.port}"


def parse_host(text: str, port: int = SSH_PORT, user: str | None = None) -> Host:
    """Read ``[USER@]NAME[:PORT]``.

    :raises ValueError: where it is something else.
    """
    match = _HOST.fullmatch(text.strip())
    if match is None or match["name"].startswith("-") or not 0 < int(match["port"] or port) <= LARGEST_PORT:
        raise ValueError(f"{text!r} is not [USER@]NAME[:PORT]")
    return Host(match["name"].strip("[]"), int(match["port"] or port), match["user"] or user)


def _words(value: object) -> object:
    """Let people write several values in one text, as the command line hands it over."""
    return tuple(word for word in re.split(r"[,\s]+", value) if word) if isinstance(value, str) else value


def _secret(value: object) -> object:
    if isinstance(value, str) and not is_reference(value):
        raise ValueError("must be a reference such as secret://env/NAME, never the value itself")
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Secret = Annotated[str, BeforeValidator(_secret)]


class SshConfig(TargetConfig):
    """One machine or several that are alike.

    :param max_parallel_runs: by default ``slots`` for each machine.
    """

    host: Words = Field(min_length=1, description="[USER@]NAME[:PORT] of each machine, separated by commas.")
    user: str | None = Field(None, min_length=1, description="User on the machines; the local user by default.")
    port: int = Field(SSH_PORT, gt=0, le=LARGEST_PORT, description="Port of machines that name no other.")
    key: Secret | None = Field(None, description="secret://STORE/NAME of a private key's text.")
    key_file: str | None = Field(None, min_length=1, description="Path of a private key where runs are driven.")
    passphrase: Secret | None = Field(None, description="secret://STORE/NAME of the key's passphrase.")
    password: Secret | None = Field(None, description="secret://STORE/NAME of the user's password.")
    known_hosts: str | None = Field(None, min_length=1, description="File of known host keys; ~/.ssh/known_hosts.")
    fingerprint: Words = Field((), description="SHA256:… of host keys to trust in place of a known_hosts file.")
    jump_host: str | None = Field(None, description="[USER@]NAME[:PORT] of a machine to go through.")
    python: str = Field("python3", min_length=1, description="The Python of the runner on the machines, 3.8 or newer.")
    directory: str = Field("~/.aml", min_length=1, description="Where jobs and built environments live there.")
    slots: int = Field(1, ge=1, le=1000, description="How many runs each machine takes at a time.")
    connect_timeout: float = Field(15.0, gt=0, le=600, description="Seconds that connecting may take.")
    max_parallel_runs: int | None = Field(None, ge=1, description="Runs at a time; slots of all machines by default.")

    @model_validator(mode="before")
    @classmethod
    def _slots_of_all_machines(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("max_parallel_runs") is not None:
            return values
        hosts, slots = _words(values.get("host") or ""), values.get("slots", 1)
        if not isinstance(hosts, (tuple, list)) or not str(slots).isdigit():
            return values  # validation says what is wrong with them
        return {**values, "max_parallel_runs": max(1, len(hosts) * int(slots))}

    @field_validator("fingerprint")
    @classmethod
    def _are_fingerprints(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for fingerprint in value:
            if not _FINGERPRINT.fullmatch(fingerprint):
                raise ValueError(f"{fingerprint!r} is not SHA256: and 43 characters, as ssh-keygen -l shows it")
        return value

    @field_validator("directory")
    @classmethod
    def _is_no_option(cls, value: str) -> str:
        if not value.startswith(("/", "~/")) or "\0" in value:
            raise ValueError("must begin with / or ~/")
        return value

    @model_validator(mode="after")
    def _hosts_differ(self) -> Self:
        labels = [host.label for host in self.hosts]
        if len(set(labels)) != len(labels):
            raise ValueError("host names one machine twice")
        if self.key and self.key_file:
            raise ValueError("key and key_file exclude each other")
        if self.jump_host:
            parse_host(self.jump_host)
        return self

    @property
    def hosts(self) -> tuple[Host, ...]:
        """The machines, as the settings have them."""
        return tuple(parse_host(text, self.port, self.user) for text in self.host)

    @property
    def jump(self) -> Host | None:
        """The machine to go through, if any."""
        return parse_host(self.jump_host, SSH_PORT, self.user) if self.jump_host else None
