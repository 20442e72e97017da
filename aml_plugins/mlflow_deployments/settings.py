"""``-C NAME=VALUE``: texts from the command line, any values from Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aml_plugins.errors import InvalidInputError

__all__ = ["DeploymentSettings"]

_OF_IMAGES = frozenset({"builder", "base_image", "ca_file"})
_GROUPS = ("registry", "variables")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSettings:
    """What a deployment is told.

    :param image: for building the image.
    :param service: settings of the service's type.
    """

    replicas: int | None = None
    traffic: int | None = None
    timeout_seconds: float | None = None
    waits: bool = True
    image: Mapping[str, Any] = field(default_factory=dict)
    service: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, config: Mapping[str, Any] | None) -> DeploymentSettings:
        """Sort settings by whom they are for.

        :raises InvalidInputError: naming the setting.
        """
        left = _grouped(config or {})
        image = {name: left.pop(name) for name in list(left) if name in _OF_IMAGES}
        if "registry" in left:
            image["registry"] = left.pop("registry")
        return cls(
            replicas=_number(left, "replicas", int),
            traffic=_number(left, "traffic", int),
            timeout_seconds=_number(left, "timeout_seconds", float),
            waits=not _truth("async", left.pop("async", False)),
            image=image,
            service=left,
        )


def _grouped(config: Mapping[str, Any]) -> dict[str, Any]:
    """Gather ``registry.NAME`` and ``variables.NAME`` into mappings."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        group, dot, inner = name.partition(".")
        if dot and group in _GROUPS:
            if not isinstance(known := found.get(group, {}), Mapping):
                raise InvalidInputError(
                    f"'{group}' and '{name}' are both given.", f"Write -C {group}.NAME=VALUE for each."
                )
            found[group] = {**known, inner: value}
        else:
            found[name] = value
    return found


def _number(left: dict[str, Any], name: str, kind: type[Any]) -> Any:
    if name not in left:
        return None
    value = left.pop(name)
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise InvalidInputError(f"The setting '{name}' is '{value}', not a number.", f"Write -C {name}=1.") from None


def _truth(name: str, value: object) -> bool:
    found = _WORDS.get(str(value).lower())
    if found is None:
        raise InvalidInputError(f"The setting '{name}' is '{value}'.", "Write true or false.")
    return found
