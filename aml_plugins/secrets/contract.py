"""What a secret store type must do. A value is returned to whoever asks and kept nowhere else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from aml_plugins.secrets.references import SecretSource, from_environment

__all__ = ["SecretStore", "SecretStoreConfig", "SupportsDeletingSecrets", "SupportsListingSecrets", "SupportsSetting"]


class SecretStoreConfig(BaseModel):
    """Settings of a secret store; a type subclasses it. Unknown keys are refused, and no setting is a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretStore(ABC):
    """Looks up secrets by name. No value in a message, a log line or a ``repr``."""

    type_name: ClassVar[str]
    config_model: ClassVar[type[SecretStoreConfig]] = SecretStoreConfig

    secrets: SecretSource = staticmethod(from_environment)
    """Resolves ``secret://env/NAME``, for a store that needs a credential itself."""

    def __init__(self, name: str, config: SecretStoreConfig) -> None:
        """Keep both; no network call here."""
        self.name = name
        self.config = config

    @abstractmethod
    def get(self, name: str) -> str:
        """Return the value of a secret.

        :raises NotFoundError: where there is none of this name.
        :raises BackendError: where the store refuses, ``TransientBackendError`` where it cannot be reached.
        """

    def check(self) -> str:
        """Try the store for ``aml doctor`` and return one line about it; raise what is wrong."""
        return "nothing to check"


@runtime_checkable
class SupportsSetting(Protocol):
    """A store whose secrets can be set through us."""

    def set(self, name: str, value: str) -> None:
        """Store a secret, replacing what is there."""
        ...


@runtime_checkable
class SupportsListingSecrets(Protocol):
    """A store that can tell the names of its secrets."""

    def list(self) -> Sequence[str]:
        """Return the names, sorted; never a value."""
        ...


@runtime_checkable
class SupportsDeletingSecrets(Protocol):
    """A store whose secrets can be deleted through us."""

    def delete(self, name: str) -> None:
        """Delete a secret.

        :raises NotFoundError: where there is none of this name.
        """
        ...
