"""The registry that a run names for its image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.compute.job import JobSpec

__all__ = ["registry_of", "registry_password"]


def registry_of(spec: JobSpec) -> Mapping[str, Any]:
    """Return ``address``, ``username`` and ``password``, a reference, as far as the run gives them."""
    found = spec.environment.get("registry")
    return found if isinstance(found, Mapping) else {}


def registry_password(spec: JobSpec, secret: Callable[[str], str], otherwise: str | None = None) -> str | None:
    """Return the password for it, None where none is needed.

    :param secret: resolves a reference.
    :param otherwise: the reference that the target has, for runs that name none.
    """
    reference = registry_of(spec).get("password") or otherwise
    return secret(str(reference)) if reference else None
