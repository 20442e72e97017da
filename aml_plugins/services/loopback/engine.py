"""The Docker engine of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aml_plugins.errors import BackendError, TransientBackendError

__all__ = ["engine"]


@contextmanager
def engine() -> Iterator[Any]:
    """Open the engine that the environment names; what it refuses is a sentence.

    :raises TransientBackendError: where it cannot be reached.
    :raises BackendError: where it refuses.
    """
    import docker  # noqa: PLC0415  of an extra
    import docker.errors  # noqa: PLC0415  as above

    try:
        client = docker.from_env(timeout=600)
        client.ping()
    except docker.errors.DockerException as error:
        raise TransientBackendError(
            f"The Docker engine cannot be reached: {error}", "Start it, or set DOCKER_HOST to where it listens."
        ) from error
    try:
        yield client
    except docker.errors.APIError as error:
        raise BackendError(f"The Docker engine refused: {error.explanation or error}", "See: docker ps -a") from error
    finally:
        client.close()
