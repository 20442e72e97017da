"""Shared access signatures of blobs and containers."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from azure.storage.blob import (  # noqa: TID253  a leaf, as blob.py is
    BlobSasPermissions,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

from aml_plugins.errors import InvalidInputError

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, UserDelegationKey

    from aml_backends.azure.storage.credentials import Account
    from aml_plugins.datastores.abilities import Permission

__all__ = ["DelegationKeys", "Wanted", "signed"]

CLOCK_SKEW = timedelta(minutes=15)
LONGEST_IDENTITY = timedelta(days=7)
TOO_EARLY = timedelta(hours=1)
"""How much shorter than wanted a signature may be, before a new key is asked for it."""
_LETTERS = {"read": "r", "write": "cw", "read-write": "rcw", "append": "ac"}
"""A write must be able to create; it may not delete, and not read what others wrote."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a URL shall grant.

    :param key: the blob; empty for the whole container.
    """

    datastore: str
    container: str
    key: str
    permission: Permission
    expires: timedelta


class DelegationKeys:
    """The key with which an identity signs: asked for seven days, and again once it ends too early for a signature."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: UserDelegationKey | None = None
        self._end = datetime.min.replace(tzinfo=UTC)

    def of(self, service: BlobServiceClient, now: datetime, end: datetime) -> tuple[UserDelegationKey, datetime]:
        """Return a key, and until when it signs: as long as is wanted, less an hour where that is the most there is."""
        with self._lock:
            if self._key is None or self._end < end - TOO_EARLY or self._end < now + TOO_EARLY:
                longest = now + LONGEST_IDENTITY
                self._key, self._end = service.get_user_delegation_key(now - CLOCK_SKEW, longest), longest
            return self._key, min(end, self._end)


def signed(wanted: Wanted, account: Account, service: BlobServiceClient, keys: DelegationKeys) -> str:
    """Return the URL of a blob, or of the container, with a signature.

    :raises InvalidInputError: where the credential is itself a signature that grants less.
    """
    if wanted.permission not in _LETTERS or wanted.expires <= timedelta(0):
        raise InvalidInputError("A signed URL needs a permission (read, write, read-write, append) and a time to live.")
    place = f"{account.url}/{quote(wanted.container)}{'/' + quote(wanted.key) if wanted.key else ''}"
    query = _own_signature(wanted, account.sas) if account.sas else _new_signature(wanted, account, service, keys)
    return f"{place}?{query}"


def _own_signature(wanted: Wanted, sas: str) -> str:
    """Hand on the datastore's own signature: nothing narrower can be made of it."""
    parameters = parse_qs(sas)
    if wanted.permission == "append":
        raise InvalidInputError(
            f"The datastore '{wanted.datastore}' is entered with a signature, and nothing narrower can be made of it.",
            "Give the datastore an account_key.",
        )
    granted, end = "".join(parameters.get("sp", ())), "".join(parameters.get("se", ()))
    allowed = set(granted) | ({"c"} if "w" in granted else set())
    if granted and not set(_LETTERS[wanted.permission]) <= allowed:
        raise InvalidInputError(
            f"The signature of the datastore '{wanted.datastore}' does not grant '{wanted.permission}'.",
            "Set a signature that does, or give the datastore an account_key.",
        )
    if end and datetime.fromisoformat(end).astimezone(UTC) < datetime.now(tz=UTC) + wanted.expires:
        raise InvalidInputError(
            f"The signature of the datastore '{wanted.datastore}' ends at {end}, too early.",
            "Set one that lasts longer, or give the datastore an account_key.",
        )
    return sas


def _new_signature(wanted: Wanted, account: Account, service: BlobServiceClient, keys: DelegationKeys) -> str:
    now = datetime.now(tz=UTC)
    start, end = now - CLOCK_SKEW, now + wanted.expires
    by: dict[str, Any] = {"account_key": account.key}
    if account.key is None:
        if wanted.permission == "append" and wanted.expires > LONGEST_IDENTITY:
            raise InvalidInputError(
                f"The datastore '{wanted.datastore}' is entered with an identity, which signs for seven days at most.",
                "Give the datastore an account_key.",
            )
        key, end = keys.of(service, now, min(end, now + LONGEST_IDENTITY))
        by = {"user_delegation_key": key}
    by |= {"start": start, "expiry": end}
    letters = _LETTERS[wanted.permission]
    if wanted.key:
        granted = BlobSasPermissions.from_string(letters)
        return str(generate_blob_sas(account.name, wanted.container, wanted.key, permission=granted, **by))
    of_container = ContainerSasPermissions.from_string(letters + ("l" if "r" in letters else ""))
    return str(generate_container_sas(account.name, wanted.container, permission=of_container, **by))
