"""Find an environment in the cache or build it there."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .activation import activation
from .cache import Place
from .conda_environment import build_conda
from .errors import BuildError, sentence_of
from .keys import environment_key
from .owner import Owner
from .pip_environment import build_pip
from .redaction import redact
from .tools import Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, BinaryIO

    from .cache import Build

__all__ = ["prepare"]


def prepare(environment: Mapping[str, Any], cache: str, log: BinaryIO, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Return ``{"python": path, "variables": {...}}``, having built the environment where the cache has none.

    Relative paths mean files of the current directory. The environment is kept from being removed until this process
    ends. Call it from a thread that lives as long as the build: the build's processes die with it.

    :raises BuildError: where it cannot be built; a :class:`BuildStoppedError` where ``cancelled()`` became true.
    """
    try:
        return _prepare(environment, os.path.abspath(cache), Owner(log, cancelled))
    except OSError as error:
        raise BuildError(redact(sentence_of(error))) from error


def _prepare(environment: Mapping[str, Any], cache: str, owner: Owner) -> dict[str, Any]:
    place = Place(cache, environment_key(environment))
    os.makedirs(cache, exist_ok=True)
    while True:
        owner.check()
        made = place.use(owner)
        if made is not None:
            return {"python": made["python"], "variables": activation(environment, place.prefix, owner)}
        with place.building(owner) as build:
            if build is not None:
                _build(environment, build, owner)


def _build(environment: Mapping[str, Any], build: Build, owner: Owner) -> None:
    if build.unfinished:
        owner.say("An earlier build of this environment was cut off; starting again.")
    owner.say(f"Building the environment {os.path.basename(build.prefix)}.")
    started = time.monotonic()
    make = build_pip if environment["kind"] == "pip" else build_conda
    python = make(environment, build, Tools(owner, build.lock))
    build.complete({"python": python, "kind": environment["kind"], "built_at": time.time()})
    owner.say(f"The environment was built in {time.monotonic() - started:.1f} seconds.")
