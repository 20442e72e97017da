"""The program that runs on the machine while we are connected, as text: nothing of it has to be there before."""

from __future__ import annotations

import functools
import importlib.util
import shlex
from pathlib import Path

from aml_backends.ssh.remote.wire import LENGTH

__all__ = ["OLD_PYTHON", "program", "start_command"]

_RUNNER = "aml_plugins.runs.runner"
_REMOTE = "aml_backends.ssh.remote"
# Each after those that it imports.
_MODULES = (
    *(
        f"{_RUNNER}.{name}"
        for name in ("errors", "json_text", "reading", "processes", "claiming", "status", "job", "burial")
    ),
    *(
        f"{_REMOTE}.{name}"
        for name in ("wire", "reboots", "ending", "slots", "placements", "jobs", "receiving", "results", "serving")
    ),
)
OLD_PYTHON = "aml needs Python 3.8 or newer"
# One line without quotes of either kind: it has to pass through a shell that nobody knows, and old Pythons too.
_BOOTSTRAP = "import sys; n = sys.stdin.buffer.read(4); exec(sys.stdin.buffer.read(int.from_bytes(n, sys.argv[1])))"
_LOADER = """
import sys, types
if sys.version_info < (3, 8):
    sys.exit({old!r})
for name, source in {modules!r}:
    parts = name.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        if package not in sys.modules:
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = []
    module = sys.modules[name] = types.ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    exec(compile(source, name, "exec"), module.__dict__)
    setattr(sys.modules[module.__package__], parts[-1], module)
sys.modules[{main!r}].main(*{arguments!r})
"""


def start_command(python: str) -> str:
    """Return what to have the user's shell there execute."""
    return f"exec {shlex.quote(python)} -I -S -u -c {shlex.quote(_BOOTSTRAP)} big"


def program(directory: str, scope: str) -> bytes:
    """Return what to send to the command's input: the program, which then serves one target's jobs."""
    text = _LOADER.format(
        old=OLD_PYTHON, modules=_sources(), main=f"{_REMOTE}.serving", arguments=(directory, scope)
    ).encode("utf-8")
    return LENGTH.pack(len(text)) + text


@functools.cache  # what is installed does not change under a running process
def _sources() -> tuple[tuple[str, str], ...]:
    return tuple((name, _source(name)) for name in _MODULES)


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.origin is not None  # noqa: PT018, S101  they are parts of this distribution
    return Path(spec.origin).read_text(encoding="utf-8")
