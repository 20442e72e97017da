"""The type ``file``: secrets in one encrypted file, written whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken
from pydantic import Field

from aml_plugins.errors import InvalidInputError, NotFoundError, PermissionDeniedError, StoreError
from aml_plugins.home import aml_home
from aml_plugins.plugins.settings import AbsolutePath
from aml_plugins.secrets.contract import SecretStore, SecretStoreConfig

__all__ = ["FileSecrets", "FileSecretsConfig"]

KEY_VARIABLE = "AML_SECRETS_KEY"
_ONLY_OWNER = 0o600


class FileSecretsConfig(SecretStoreConfig):
    """Settings of an encrypted file."""

    path: AbsolutePath | None = Field(None, description="The file; default: $AML_HOME/secrets/NAME.")
    key_file: AbsolutePath | None = Field(
        None, description="File with the key, readable for its owner alone; default: $AML_HOME/secrets/NAME.key."
    )


class FileSecrets(SecretStore):
    """An encrypted file. The key comes from ``AML_SECRETS_KEY``, else from the key file, made by the first ``set``."""

    type_name = "file"
    config_model: ClassVar[type[SecretStoreConfig]] = FileSecretsConfig
    config: FileSecretsConfig

    @property
    def path(self) -> Path:
        """The encrypted file."""
        return Path(self.config.path) if self.config.path else aml_home() / "secrets" / self.name

    @property
    def key_file(self) -> Path:
        """Where the key lies, if it is not in the environment."""
        return Path(self.config.key_file) if self.config.key_file else aml_home() / "secrets" / f"{self.name}.key"

    def get(self, name: str) -> str:
        found = self._read()
        if name not in found:
            raise self._missing(name)
        return found[name]

    def list(self) -> Sequence[str]:
        """Return the names."""
        return sorted(self._read())

    def set(self, name: str, value: str) -> None:
        """Set a secret; the file, and the key where there is none yet, are made."""
        with self._writing() as secrets:
            secrets[name] = value

    def delete(self, name: str) -> None:
        """Delete a secret."""
        with self._writing() as secrets:
            if secrets.pop(name, None) is None:
                raise self._missing(name)

    def check(self) -> str:
        return (
            f"'{self.path}' has {len(self._read())} secrets"
            if self.path.exists()
            else f"'{self.path}' is not there yet"
        )

    def _missing(self, name: str) -> NotFoundError:
        return NotFoundError(
            f"The secret store '{self.name}' has no secret '{name}'.", f"Set it: aml secret set {name} --in {self.name}"
        )

    @contextmanager
    def _writing(self) -> Iterator[dict[str, str]]:
        """Read, let the caller change, write; one process at a time."""
        with _in_words(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.path.with_name(f".{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                key = self._key(make=not self.path.exists())
                secrets = self._read()
                yield secrets
                _write_whole(self.path, key.encrypt(json.dumps(secrets).encode()))

    def _read(self) -> dict[str, str]:
        with _in_words(self.path):
            try:
                encrypted = self.path.read_bytes()
            except FileNotFoundError:
                return {}
            try:
                secrets: dict[str, str] = json.loads(self._key().decrypt(encrypted))
            except InvalidToken:
                raise StoreError(
                    f"The secret store '{self.name}' cannot be read: '{self.path}' was written with another key, "
                    "or was changed by somebody.",
                    f"Set {KEY_VARIABLE} to the right key, or put it into '{self.key_file}'.",
                ) from None
        return secrets

    def _key(self, *, make: bool = False) -> Fernet:
        given = os.environ.get(KEY_VARIABLE)
        if given:
            return self._fernet(given.encode(), f"The variable {KEY_VARIABLE}")
        if make and not self.key_file.exists():
            self.key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_whole(self.key_file, Fernet.generate_key())
        try:
            mode = self.key_file.stat().st_mode
        except FileNotFoundError:
            raise NotFoundError(
                f"The secret store '{self.name}' has no key: there is neither {KEY_VARIABLE} nor '{self.key_file}'.",
                "Bring it from where the secrets were set.",
            ) from None
        if stat.S_IMODE(mode) & 0o077:
            raise PermissionDeniedError(
                f"The key file '{self.key_file}' can be read by others.", f"Run: chmod 600 '{self.key_file}'"
            )
        return self._fernet(self.key_file.read_bytes().strip(), f"The key file '{self.key_file}'")

    def _fernet(self, key: bytes, whence: str) -> Fernet:
        try:
            return Fernet(key)
        except ValueError:
            raise InvalidInputError(
                f"{whence} has no key in it: a key is 32 bytes in URL-safe base64.",
                "Take the one that the secrets were set with.",
            ) from None


def _write_whole(path: Path, content: bytes) -> None:
    """Write and rename, readable for the owner alone: no crash leaves half a file."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), _ONLY_OWNER)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The file of secrets '{path}' cannot be used: {error.strerror or type(error).__name__}.",
            "Look at the permissions of its directory and at the space on its disk.",
        ) from error
