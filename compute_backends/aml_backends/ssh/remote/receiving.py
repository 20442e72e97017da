"""Taking a job's files and starting its runner: safe to repeat, also at the same time, after a crash anywhere."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys

from aml_plugins.runs.runner import claiming

from .reboots import BOOT, boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .wire import Wire

__all__ = ["receive_and_start"]

# As ``aml_plugins.compute.runner_bundle`` has it for this machine's own use.
BOOTSTRAP = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); from aml_runner.main import main; os._exit(main(sys.argv[2:]))"
)
DETACH = '"$@" &'
PRIVATE = 0o700


def receive_and_start(wire: Wire, path: str, message: dict[str, Any], cache: str) -> None:
    """Ask for the files that are not there yet, write each whole or not at all, start the runner."""
    os.makedirs(path, mode=PRIVATE, exist_ok=True)
    if claiming.is_started(path):
        wire.announce({"want": []})
        return
    _write(os.path.join(path, BOOT), boot_id().encode("ascii"))
    wanted = [name for name in sorted(message["files"]) if not os.path.exists(os.path.join(path, _plain(name)))]
    wire.write({"want": wanted})
    failure: OSError | None = None
    for name in wanted:
        failure = _receive(wire, os.path.join(path, name), message["files"][name], failure)
    if failure is not None:
        raise failure
    _settle(os.path.join(path, "job.json"), cache)
    if not claiming.is_started(path):  # two submitters may both get here: the runner's claim leaves one script
        _start(path, message["variables"])


def _receive(wire: Wire, path: str, size: int, failure: OSError | None) -> OSError | None:
    """Write one file; after a failure, only read on: the other side is in the middle of sending."""
    part = "%s.%d.part" % (path, os.getpid())
    left = size
    try:
        with open(os.devnull if failure else part, "wb") as file:
            while left:
                data = wire.read_raw(left)
                left -= len(data)
                try:
                    if failure is None:
                        file.write(data)
                except OSError as error:
                    failure = error
        if failure is None:
            os.replace(part, path)
    except OSError as error:
        failure = failure or error
        while left:
            left -= len(wire.read_raw(left))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
    return failure


def _settle(path: str, cache: str) -> None:
    """Say where built environments live on this machine: the submitter cannot know."""
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    if job.get("cache") != cache:
        job["cache"] = cache
        _write(path, json.dumps(job).encode("utf-8"))


def _start(path: str, variables: dict[str, str]) -> None:
    """Start the runner so that it belongs to nobody: no connection's end reaches it."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", BOOTSTRAP, os.path.join(path, "runner.pyz"), path]
    with open(os.path.join(path, "runner.log"), "ab") as log:
        subprocess.run(
            ["/bin/sh", "-c", DETACH, "sh", *command],
            cwd=path,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
        )


def _write(path: str, content: bytes) -> None:
    part = "%s.%d.part" % (path, os.getpid())
    with open(part, "wb") as file:
        file.write(content)
    os.replace(part, path)


def _plain(name: str) -> str:
    if not name or "/" in name or name.startswith("."):
        raise OSError(errno.EINVAL, "not the name of a file")
    return name
