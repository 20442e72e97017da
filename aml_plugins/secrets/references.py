"""References to secrets, and their values at the last moment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from aml_plugins.errors import InvalidInputError, NotFoundError, PermissionDeniedError

__all__ = [
    "ALLOWED_VARIABLES",
    "REFERENCE",
    "SecretSource",
    "environment_value",
    "from_environment",
    "is_reference",
    "parts_of",
    "resolve_secrets",
]

ALLOWED_VARIABLES = "AML_ENVIRONMENT_SECRETS"
"""The variables that ``secret://env/`` may name, comma-separated; unset for all. A server has secrets of its own."""

REFERENCE = re.compile(r"secret://(?P<store>[a-z0-9][a-z0-9_-]*)/(?P<name>[^/\s]+)")

SecretSource: TypeAlias = Callable[[str], str]
"""From a reference to its value; raises ``InvalidInputError`` where there is none."""


def is_reference(value: str) -> bool:
    """Say whether a value refers to a secret."""
    return value.startswith("secret://")


def parts_of(reference: str) -> tuple[str, str]:
    """Return the store and the name that a reference names.

    :raises InvalidInputError: for one that is malformed; the message does not repeat it, it may be the secret itself.
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise InvalidInputError("A secret reference is malformed.", "Write secret://STORE/NAME.")
    return match["store"], match["name"]


def from_environment(reference: str) -> str:
    """Return the value of ``secret://env/NAME``: the store that is there without any workspace.

    :raises InvalidInputError: for another store, and where the variable is not set.
    """
    store, name = parts_of(reference)
    if store != "env":
        raise InvalidInputError(
            f"The secret store '{store}' is not there.", "The store 'env' is built in: secret://env/NAME."
        )
    return environment_value(name)


def environment_value(name: str) -> str:
    """Return the value of a variable of this process, where it may be given out.

    :raises PermissionDeniedError: where whoever runs this process keeps it from references.
    :raises NotFoundError: where it is not set.
    """
    allowed = os.environ.get(ALLOWED_VARIABLES)
    if allowed is not None and name not in allowed.split(","):
        raise PermissionDeniedError(
            f"The variable '{name}' is not for references to secrets here.",
            f"Whoever runs this process can name it in {ALLOWED_VARIABLES}.",
        )
    value = os.environ.get(name)
    if value is None:
        raise NotFoundError(
            f"The secret '{name}' has no value in the environment.",
            f"Set {name} where the run is submitted and driven.",
        )
    return value


def resolve_secrets(variables: Mapping[str, str], source: SecretSource = from_environment) -> dict[str, str]:
    """Return the variables with references replaced by values; hand the result to the target only.

    :param source: where values come from; the environment of this process where no workspace is at hand.
    :raises InvalidInputError: for a reference that is malformed, names an unknown store or has no value.
    """
    return {name: _resolve(name, value, source) if is_reference(value) else value for name, value in variables.items()}


def _resolve(variable: str, reference: str, source: SecretSource) -> str:
    try:
        return source(reference)
    except InvalidInputError as error:
        raise type(error)(f"The variable '{variable}' needs a secret. {error.what}", error.fix) from None
