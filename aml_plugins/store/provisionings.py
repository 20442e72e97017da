"""The part of the store's interface that is about created compute targets; ``interface.py`` has the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aml_plugins.json_types import JsonObject
from aml_plugins.store.records import ComputeTargetRecord, ProvisioningRecord

__all__ = ["Provisionings"]


class Provisionings(Protocol):
    """Compute targets that were created: users' wishes need no lease, what is is written by the lease's holder."""

    def add(self, record: ProvisioningRecord, target: ComputeTargetRecord) -> ProvisioningRecord:
        """Write the target and its creation down, both or neither.

        :raises AlreadyExistsError: where the name is taken.
        """
        ...

    def find(self, workspace: str, name: str) -> ProvisioningRecord | None: ...
    def list(self, workspace: str) -> Sequence[ProvisioningRecord]: ...

    def request(self, record: ProvisioningRecord, desired: JsonObject) -> ProvisioningRecord:
        """Write a new desired state if ``record.revision`` is the stored one. Needs no lease.

        :raises InvalidInputError: where the target shall go and has runs that have not ended.
        :raises LeaseLostError: where somebody was faster: read it again.
        """
        ...

    def save(self, record: ProvisioningRecord, *, owner: str) -> ProvisioningRecord:
        """Write all but ``desired`` and the lease, if ``owner`` holds it. Returns the record as stored.

        :raises LeaseLostError: otherwise; nothing was written.
        """
        ...

    def acquire(self, record: ProvisioningRecord, owner: str, seconds: float) -> bool:
        """As for images."""
        ...

    def release(self, record: ProvisioningRecord, owner: str) -> None: ...

    def due(self, owner: str, workspace: str | None = None) -> Sequence[ProvisioningRecord]:
        """Return those that are not what they shall be and that nobody drives at the moment."""
        ...

    def remove(self, record: ProvisioningRecord, *, owner: str) -> None:
        """Delete a target that is gone, with its row.

        :raises LeaseLostError: where ``owner`` does not hold the lease.
        """
        ...
