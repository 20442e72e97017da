"""Bringing or building an image takes minutes: a process of its own does it, which then starts the container.

``python -m aml_backends.docker.images DIRECTORY`` reads ``request.json`` of the job's directory, tells the job's log
what it does, and says in ``image.json`` how far it is. Several at once are one: a lock and the container's name decide.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aml_plugins.compute.job import JobStatus
from aml_plugins.compute.runner_directory import RunnerDirectory
from aml_plugins.compute.states import JobState
from aml_plugins.errors import AmlError, BackendError
from aml_plugins.runs.runner.claiming import release

__all__ = ["IMAGE", "PASSWORD", "REQUEST", "carry", "is_carried", "preparing_status"]

REQUEST = "request.json"
IMAGE = "image.json"
LOCK = "image.lock"
_NO_LOGIN = ("unauthorized", "no basic auth credentials", "denied", "authentication required")
PASSWORD = "AML_REGISTRY_PASSWORD"  # noqa: S105  the variable's name


def carry(directory: Path) -> None:
    """Have the image, then the container."""
    from aml_backends.docker.engine import Engine  # noqa: PLC0415  not needed where the module is only asked

    lock = _lock(directory)
    if lock is None:
        return
    try:
        request = json.loads((directory / REQUEST).read_text(encoding="utf-8"))
        engine = Engine(request["engine"])
        try:
            _have_image(engine, directory, request)
            job = RunnerDirectory(directory)
            if not job.is_asked_to_end and not job.is_started:
                engine.create(request["options"])
                engine.start(request["options"]["name"])
        except AmlError as error:
            _say(directory, request, "failed", str(error))
            RunnerDirectory(directory).close_unstarted(JobState.FAILED, str(error))
        finally:
            engine.close()
    except FileNotFoundError:  # the job was cleaned up meanwhile
        return
    finally:
        release(lock)


def is_carried(directory: Path) -> bool:
    """Say whether a process is at it."""
    try:
        lock = _lock(directory)
    except FileNotFoundError:
        return False
    if lock is not None:
        release(lock)
    return lock is None


def preparing_status(directory: Path) -> JobStatus | None:
    """Return how far the image is, None where nobody said so yet."""
    try:
        said = json.loads((directory / IMAGE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return JobStatus(
        state=JobState.RUNNING,
        native_state="image",
        preparing=True,
        reason=said["message"],
        environment={"key": said["key"], "state": said["state"], "message": said["message"]},
    )


def _have_image(engine: Any, directory: Path, request: Mapping[str, Any]) -> None:
    image = request["options"]["image"]
    if engine.has_image(image):
        return
    what = "Building" if request["dockerfile"] else "Pulling"
    _say(directory, request, "running", f"{what} the image {image}.")
    with (directory / "std_log.txt").open("ab") as log:
        try:
            for line in _telling(engine, request, image):
                log.write(f"{line}\n".encode())
                log.flush()
        except BackendError as error:
            raise BackendError(f"The image '{image}' cannot be had. {error.what}", _fix(error, request)) from None
    _say(directory, request, "succeeded", f"The image {image} is there.")


def _fix(error: BackendError, request: Mapping[str, Any]) -> str:
    if request["dockerfile"]:
        return error.fix
    if not any(word in error.what for word in _NO_LOGIN):
        return "Check its name, and that this machine reaches the registry."
    if request["login"]:
        return "Check the registry's username and password in the run's environment."
    return "Give the run's environment the registry's login: registry: {username: NAME, password: secret://STORE/NAME}."


def _telling(engine: Any, request: Mapping[str, Any], image: str) -> Iterator[str]:
    if request["dockerfile"]:
        return iter(engine.build(request["dockerfile"], image))
    login = dict(request["login"] or {})
    if login:
        login["password"] = os.environ.get(PASSWORD, "")
    return iter(engine.pull(image, login))


def _say(directory: Path, request: Mapping[str, Any], state: str, message: str) -> None:
    part = directory / f"{IMAGE}.part"
    key = str(request["options"]["image"])
    part.write_text(json.dumps({"key": key, "state": state, "message": message}), encoding="utf-8")
    part.replace(directory / IMAGE)


def _lock(directory: Path) -> int | None:
    import fcntl  # noqa: PLC0415  the one place

    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


if __name__ == "__main__":
    carry(Path(sys.argv[1]))
