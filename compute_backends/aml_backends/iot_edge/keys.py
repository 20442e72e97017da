"""The two keys of a service's callers, kept in a secret store of the workspace; devices get their digests only."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from aml_plugins.services.contract import ServiceKeys

if TYPE_CHECKING:
    from aml_plugins.secrets.kept import KeptSecrets

__all__ = ["digests_of", "forget", "keep"]


def keep(store: KeptSecrets, service_id: str, regenerate: str | None = None) -> ServiceKeys:
    """Return a service's keys, made on first use.

    :param regenerate: the key to make anew.
    :raises InvalidInputError: for a store that cannot be written to.
    """
    found = store.get(_name(service_id))
    if found is not None and regenerate is None:
        return ServiceKeys(**json.loads(found))
    made = (
        ServiceKeys(**json.loads(found)) if found else ServiceKeys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    )
    if regenerate is not None:
        made = replace(made, **{regenerate: secrets.token_urlsafe(32)})
    store.set(_name(service_id), json.dumps({"primary": made.primary, "secondary": made.secondary}))
    return made


def forget(store: KeptSecrets, service_id: str) -> None:
    """Delete a service's keys."""
    store.delete(_name(service_id))


def digests_of(keys: ServiceKeys) -> str:
    """Return what the scoring server knows the keys by."""
    return ",".join(hashlib.sha256(key.encode()).hexdigest() for key in (keys.primary, keys.secondary))


def _name(service_id: str) -> str:
    return f"aml-service-{service_id[:20]}"
