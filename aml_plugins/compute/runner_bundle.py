"""The files that a backend brings to the target beside the snapshot: ``runner.pyz`` and ``job.json``."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from aml_plugins.json_types import JsonObject

__all__ = ["launcher_command", "runner_command", "runner_file", "write_job_file"]

_PACKAGE = Path(__file__).resolve().parents[1]
_RUNNER = _PACKAGE / "runs" / "runner"
_SCRIPT_API = _RUNNER / "script_api"
_BUILDERS = _PACKAGE / "environments" / "builders"
# Nothing is left to tidy up: ending without Python's own farewell saves milliseconds.
_MAIN = b"import os\nimport sys\n\nfrom aml_runner.main import main\n\nos._exit(main(sys.argv[1:]))\n"
# Not ``python runner.pyz``: the module that starts archives takes as long to load as Python does.
_BOOTSTRAP = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); from aml_runner.{} import main; os._exit(main(sys.argv[2:]))"
)


def runner_file(home: Path) -> Path:
    """Return the runner's archive, built where ``home`` has none of this version. Safe to call at the same time."""
    version = _version()
    path = f"{home}/runner/runner-{version}.pyz"
    target = Path(path)
    if os.path.isfile(path):  # noqa: PTH113  asked for each run
        return target
    import tempfile  # noqa: PLC0415  once for each version of the runner, as what follows

    from aml_plugins.compute.runner_archive import archive_of, with_byte_code  # noqa: PLC0415  as above

    modules = [*_sources(), ("aml_runner/version.py", f"VERSION = {version!r}\n".encode())]
    script_api = ("script_api.zip", archive_of(_tree(_SCRIPT_API, "script_api")))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".runner-", delete=False) as part:
        part.write(archive_of([*with_byte_code(modules), script_api]))
        os.fchmod(part.fileno(), 0o644)
    Path(part.name).replace(target)
    return target


def runner_command(python: str, runner: Path | str, directory: Path | str) -> list[str]:
    """Return the quickest command that does what ``python runner.pyz DIRECTORY`` does, for CPython 3.8 and newer."""
    return _command(python, "main", runner, directory)


def launcher_command(python: str, runner: Path | str, descriptor: int) -> list[str]:
    """Return the command of a process that starts runners of this archive (``runs/runner/launcher.py``).

    :param descriptor: its end of a socket, which it has to inherit.
    """
    return _command(python, "launcher", runner, descriptor)


def _command(python: str, module: str, runner: Path | str, argument: Path | str | int) -> list[str]:
    return [python, "-I", "-S", "-X", "utf8", "-c", _BOOTSTRAP.format(module), str(runner), str(argument)]


def write_job_file(
    path: Path,
    *,
    key: str,
    run_id: str,
    experiment: str,
    snapshot_digest: str,
    script: str,
    arguments: Sequence[str] = (),
    environment: JsonObject | None = None,
    variables: Mapping[str, str] | None = None,
    parent_run_id: str | None = None,
    time_limit_seconds: float | None = None,
    cache: str | None = None,
    grace_seconds: float = 10.0,
    data: Sequence[JsonObject] = (),
) -> None:
    """Write ``job.json``, whole or not at all (``runs/runner/__init__.py`` says what it means), and make its directory.

    :param variables: no secrets: those go through the backend to the runner's own environment.
    """
    job: dict[str, Any] = {
        "version": 1,
        "key": key,
        "run_id": run_id,
        "parent_run_id": parent_run_id,
        "experiment": experiment,
        "snapshot_digest": snapshot_digest,
        "command": {"script": script, "arguments": [str(argument) for argument in arguments]},
        "environment": dict(environment or {"kind": "existing"}),
        "variables": dict(variables or {}),
        "time_limit_seconds": time_limit_seconds,
        "cache": cache,
        "grace_seconds": grace_seconds,
        **({"data": list(data)} if data else {}),
    }
    part = f"{path.parent}/.{path.name}.{os.getpid()}"
    content = json.dumps(job).encode()
    try:
        _write(part, content)
    except FileNotFoundError:  # the first of this directory
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(part, content)
    os.replace(part, path)  # noqa: PTH105  written for each run


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123  as above
        file.write(content)


@functools.cache  # what is installed does not change under a running process
def _version() -> str:
    return _digest([*_sources(), *_tree(_SCRIPT_API, "script_api")])


def _sources() -> Iterator[tuple[str, bytes]]:
    """Return the modules that run from the archive; scripts' API is unpacked, and lies in an archive in it."""
    yield "__main__.py", _MAIN
    yield from _tree(_RUNNER, "aml_runner", below=False)
    if _BUILDERS.is_dir():
        yield from _tree(_BUILDERS, "aml_environments")


def _tree(root: Path, name: str, *, below: bool = True) -> Iterator[tuple[str, bytes]]:
    """Yield a folder's modules. By hand: each command that submits asks, and ``Path.glob`` takes twice as long."""
    found = []
    for folder, folders, files in os.walk(root):
        found += [f"{folder}/{file}" for file in files if file.endswith(".py")]
        if not below:
            folders.clear()
    for path in sorted(found):
        with open(path, "rb") as file:  # noqa: PTH123  a Path for each costs more than reading it
            yield f"{name}{path.removeprefix(str(root))}", file.read()


def _digest(sources: Iterable[tuple[str, bytes]]) -> str:
    """The interpreter is part of the name: the archive holds its byte-code."""
    digest = hashlib.sha256(sys.implementation.cache_tag.encode() + importlib.util.MAGIC_NUMBER)
    for name, content in sources:
        digest.update(b"%d %b %d " % (len(name), name.encode(), len(content)) + content)
    return digest.hexdigest()[:32]
