"""Resolve ``secret://STORE/NAME`` at the last moment (design.md, 4.10)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from aml_plugins.errors import InvalidInputError

__all__ = ["ENVIRONMENT_SECRETS", "is_reference", "resolve_secrets"]

REFERENCE = re.compile(r"secret://(?P<store>[a-z0-9][a-z0-9-]*)/(?P<name>[^/\s]+)")


ENVIRONMENT_SECRETS = "AML_ENVIRONMENT_SECRETS"
"""The variables that ``secret://env/`` may name, comma-separated; unset for all. A server has secrets of its own."""


def is_reference(value: str) -> bool:
    """Say whether a value refers to a secret."""
    return value.startswith("secret://")


def resolve_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with references replaced by values; hand the result to the target only.

    The store ``env`` is the environment of the process that submits the job.

    :raises InvalidInputError: for a reference that is malformed, names an unknown store or has no value.
    """
    return {name: _resolve(name, value) if is_reference(value) else value for name, value in variables.items()}


def _resolve(variable: str, reference: str) -> str:
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise InvalidInputError(
            f"The environment variable '{variable}' has a malformed secret reference.", "Write secret://STORE/NAME."
        )
    if match["store"] != "env":
        raise InvalidInputError(
            f"The environment variable '{variable}' refers to the secret store '{match['store']}', which is not there.",
            "The store 'env' is built in: secret://env/NAME.",
        )
    allowed = os.environ.get(ENVIRONMENT_SECRETS)
    if allowed is not None and match["name"] not in allowed.split(","):
        raise InvalidInputError(
            f"The environment variable '{variable}' refers to the secret '{match['name']}', which runs do not get here.",
            f"Whoever runs this process can name it in {ENVIRONMENT_SECRETS}.",
        )
    value = os.environ.get(match["name"])
    if value is None:
        raise InvalidInputError(
            f"The environment variable '{variable}' refers to the secret '{match['name']}', which has no value.",
            f"Set {match['name']} where the run is submitted and driven.",
        )
    return value
