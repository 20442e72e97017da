"""The run configuration's ``arguments`` for ``docker run``: those that change nothing for anybody but the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aml_plugins.errors import InvalidInputError

__all__ = ["container_options"]

_TEXT = {
    "--network": "network",
    "--net": "network",
    "--ipc": "ipc_mode",
    "--hostname": "hostname",
    "-h": "hostname",
    "--shm-size": "shm_size",
    "--platform": "platform",
    "--cpuset-cpus": "cpuset_cpus",
}
_LISTS = {"--dns": "dns", "--group-add": "group_add"}
_PAIRS = {"--add-host": ("extra_hosts", ":"), "--env": ("environment", "="), "-e": ("environment", "=")}
_FLAGS = {"--read-only": ("read_only", True)}
_KNOWN = sorted({*_TEXT, *_LISTS, *_PAIRS, *_FLAGS, "--ulimit", "--gpus"})


def container_options(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the arguments as the engine's options.

    :raises InvalidInputError: for one that is not known, such as those that open the machine to the container.
    """
    options: dict[str, Any] = {}
    for name, value in _pairs(arguments):
        if name in _FLAGS:
            options[_FLAGS[name][0]] = _FLAGS[name][1]
        elif name in _TEXT:
            options[_TEXT[name]] = value
        elif name in _LISTS:
            options.setdefault(_LISTS[name], []).append(value)
        elif name in _PAIRS:
            key, separator = _PAIRS[name]
            left, _, right = value.partition(separator)
            options.setdefault(key, {})[left] = right
        elif name == "--ulimit":
            options.setdefault("ulimits", []).append(_limit(value))
        else:
            options["gpus"] = value
    return options


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield names and values, written as ``--name=value`` or as two arguments."""
    rest = iter(arguments)
    for argument in rest:
        name, separator, value = argument.partition("=")
        if name not in _KNOWN:
            raise InvalidInputError(
                f"The environment's argument '{name[:60]}' for docker run is not supported.",
                f"Supported: {', '.join(_KNOWN)}.",
            )
        if name not in _FLAGS and not separator:
            value = next(rest, "")
            if not value:
                raise InvalidInputError(f"The environment's argument '{name}' for docker run lacks its value.")
        yield name, value


def _limit(value: str) -> dict[str, Any]:
    name, _, limits = value.partition("=")
    soft, _, hard = limits.partition(":")
    if not name or not soft.isdigit() or not (hard or soft).isdigit():
        raise InvalidInputError(
            f"'{value}' is no limit for docker run.", "Write NAME=SOFT[:HARD], such as nofile=1024."
        )
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}
