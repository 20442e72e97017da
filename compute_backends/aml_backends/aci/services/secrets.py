"""The secrets of a service on ACI, which gives none back: kept in a secret store of the workspace, as one value."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from aml_plugins.services.contract import ServiceKeys

if TYPE_CHECKING:
    from aml_plugins.secrets.kept import KeptSecrets

__all__ = ["Kept", "forget", "keep"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The two keys of callers, and the secret between the driver, the front and the versions."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)
    control: str = field(repr=False)

    @property
    def keys(self) -> ServiceKeys:
        """The callers' keys."""
        return ServiceKeys(self.primary, self.secondary)


def keep(store: KeptSecrets, service_id: str, regenerate: str | None = None) -> Kept:
    """Return a service's secrets, made on first use.

    :param regenerate: the key to make anew.
    :raises InvalidInputError: for a store that cannot be written to.
    """
    found = store.get(_name(service_id))
    if found is None:
        made = Kept(*(secrets.token_urlsafe(32) for _ in range(3)))
    elif regenerate is None:
        return Kept(**json.loads(found))
    else:
        made = replace(Kept(**json.loads(found)), **{regenerate: secrets.token_urlsafe(32)})
    store.set(_name(service_id), json.dumps(asdict(made)))
    return made


def forget(store: KeptSecrets, service_id: str) -> None:
    """Delete a service's secrets."""
    store.delete(_name(service_id))


def _name(service_id: str) -> str:
    return f"aml-service-{service_id[:20]}"
