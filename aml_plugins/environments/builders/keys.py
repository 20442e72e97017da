"""The name under which an environment is cached: equal content, interpreter and platform, equal name."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import TYPE_CHECKING

from .errors import BuildError
from .interpreters import choose
from .local_files import digests
from .specifications import Specification

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["environment_key"]

_FORMAT = 1  # to be raised when an environment is built differently from the same description


def environment_key(environment: Mapping[str, Any]) -> str:
    """Return the environment's key; relative paths mean files of the current directory.

    :raises BuildError: where environments of its kind are not built here, or its Python is not on this machine.
    """
    kind = environment.get("kind")
    content: dict[str, Any] = {"format": _FORMAT, "platform": _platform(), "settings": _uv_settings()}
    if kind == "pip":
        lines = [str(line) for line in environment.get("requirements") or ()]
        content["python"] = choose(environment.get("python")).identity()
    elif kind == "conda":
        lines = Specification(environment).pip
        environment = {"kind": kind, "specification": _without_name(environment["specification"])}
    elif kind == "docker":
        raise BuildError(
            "This compute target runs scripts without containers; choose one of type docker, or another environment."
        )
    else:
        raise BuildError(f"Environments of kind '{kind}' are unknown to this runner.")
    content.update(environment=environment, files=digests(lines, os.getcwd()))
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return f"{kind}-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _without_name(specification: Mapping[str, Any]) -> dict[str, Any]:
    """A specification's name and prefix say where it was, not what is in it."""
    return {key: value for key, value in specification.items() if key not in {"name", "prefix"}}


def _platform() -> list[str]:
    """A cache may be shared by machines: a home directory on the network."""
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else None
    return [sys.platform, os.uname().machine, libc or ""]


def _uv_settings() -> dict[str, str]:
    """Settings that uv reads from the source directory change what it installs."""
    names = [name for name in ("uv.toml", "pyproject.toml") if os.path.isfile(name)]
    return {name: digest for name, digest in digests(names, os.getcwd()).items() if _has_settings(name)}


def _has_settings(name: str) -> bool:
    with open(name, "rb") as file:
        return name == "uv.toml" or b"[tool.uv" in file.read()
