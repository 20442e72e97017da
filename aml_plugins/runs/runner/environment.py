"""Which Python runs the script: one that exists, or one that is built here.

The seam to the builders: the runner's archive may hold a package ``aml_environments`` (standard library only,
CPython 3.8 and newer) with two functions:

``environment_key(environment) -> str``
    the content hash under which the environment is cached.
``prepare(environment, cache, log, cancelled) -> str | {"python": str, "variables": {str: str}}``
    build it, or find it built, and return the path of its interpreter, with variables that activate it where it needs
    some. Called in the script's directory. ``cache`` is a directory (it may not exist yet). ``log`` is a binary file
    (``write``, ``fileno``) that becomes part of the run's log. ``cancelled()`` is to be called a few times a second;
    once it is true, stop what was started and raise. Any exception's text is shown to people as the reason.
"""

from __future__ import annotations

import os
import sys

from .errors import CancelledError, JobError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO

    from .control import Control
    from .job import Job
    from .status import Status

__all__ = ["prepare_python"]

_PROBE = "import sys; sys.stdout.write('aml-python %d' % sys.version_info[0])"
_PROBE_SECONDS = 60


def prepare_python(
    job: Job, log: BinaryIO, status: Status, control: Control, default_cache: str
) -> tuple[str, Mapping[str, str]]:
    """Return the interpreter for the script and variables that activate its environment.

    :raises JobError: where there is none.
    :raises CancelledError: where the job was asked to end meanwhile.
    """
    if job.environment.get("kind", "existing") == "existing":
        return _existing(job.environment.get("interpreter")), {}
    return _built(job, log, status, control, default_cache)


def _existing(interpreter: str | None) -> str:
    if interpreter is None:
        return sys.executable
    found = _which(os.path.expanduser(interpreter))
    if found != sys.executable:
        _probe(found)
    return found


def _which(interpreter: str) -> str:
    directories = [os.getcwd()] if os.sep in interpreter else os.get_exec_path()
    candidates = [os.path.join(directory, interpreter) for directory in directories]
    for path in candidates:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    if any(os.path.isfile(path) for path in candidates):
        raise JobError(f"The Python interpreter '{interpreter}' may not be executed on the compute target.")
    raise JobError(f"The Python interpreter '{interpreter}' does not exist on the compute target.")


def _probe(path: str) -> None:
    """Make sure that it is Python: any other program might well succeed without running the script."""
    import subprocess  # noqa: PLC0415  only for interpreters that people name

    command = [path, "-S", "-c", _PROBE]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        done = None
    if done is None or not done.stdout.startswith(b"aml-python "):
        raise JobError(f"'{path}' is not a working Python interpreter.")


def _built(
    job: Job, log: BinaryIO, status: Status, control: Control, default_cache: str
) -> tuple[str, Mapping[str, str]]:
    kind = job.environment.get("kind")
    try:
        import aml_environments as builders  # type: ignore[import-not-found]  # noqa: PLC0415  beside us in the archive
    except ImportError:
        raise JobError(f"This runner cannot build environments of kind '{kind}'.") from None
    build = {"key": "", "state": "running", "message": f"Preparing the {kind} environment."}
    try:
        build["key"] = str(builders.environment_key(job.environment))
        status.write(environment=build)
        made = builders.prepare(job.environment, job.cache or default_cache, log, control.cancelled)
    except Exception as error:
        stopped = control.cancelled()
        message = "The build was stopped." if stopped else f"The {kind} environment could not be built: {error}"
        status.write(environment=dict(build, state="failed", message=message))
        raise (CancelledError() if stopped else JobError(message)) from error
    status.write(environment=dict(build, state="succeeded", message=f"The {kind} environment is ready."))
    return _python_and_variables(made)


def _python_and_variables(made: Any) -> tuple[str, Mapping[str, str]]:
    if isinstance(made, dict):
        return str(made["python"]), made.get("variables") or {}
    return os.fspath(made), {}
