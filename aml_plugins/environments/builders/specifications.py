"""A conda specification, as conda's ``environment.yml`` has it, taken apart."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Specification"]


class Specification:
    """What the specification of an environment asks for.

    :raises BuildError: where it is missing or not a specification.
    """

    def __init__(self, environment: Mapping[str, Any]) -> None:
        specification = environment.get("specification")
        if not isinstance(specification, dict):
            raise BuildError("The job has no conda specification; submit the run again.")
        self.channels = [_channel(str(channel)) for channel in specification.get("channels") or ()]
        items = specification.get("dependencies") or []
        self.packages = [str(item) for item in items if not isinstance(item, dict)]
        self.pip = [str(line) for item in items if isinstance(item, dict) for line in item.get("pip") or ()]
        variables = specification.get("variables") or {}
        self.variables = {str(name): str(value) for name, value in variables.items()}


def _channel(name: str) -> str:
    """A channel in the source directory is named by its path; tools that run elsewhere need its address."""
    if name.startswith((".", "~", os.sep)):
        return Path(os.path.expanduser(name)).resolve().as_uri()
    return name
