"""Find a Python of the wanted version on this machine."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from .errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Interpreter", "choose"]

_PROBE = (
    "import sys; v = sys.version_info; sys.stdout.write('\\n'.join("
    "['aml-python', sys.implementation.name, '%d.%d.%d' % v[:3], sys.executable]))"
)
_PROBE_SECONDS = 30


class Interpreter(NamedTuple):
    """A Python that exists."""

    path: str
    implementation: str
    version: str

    def identity(self) -> list[str]:
        """Return what makes environments of two interpreters different."""
        return [self.implementation, self.version, os.path.realpath(self.path)]

    def matches(self, wanted: str) -> bool:
        """Return whether it is of a version such as ``3``, ``3.11`` or ``3.11.7``."""
        parts = wanted.split(".")
        return self.version.split(".")[: len(parts)] == parts


def choose(wanted: str | None) -> Interpreter:
    """Return this process's own Python where it fits, else the first that fits.

    :raises BuildError: where none does; says which there are.
    """
    own = Interpreter(sys.executable, sys.implementation.name, "{}.{}.{}".format(*sys.version_info))
    if wanted is None or own.matches(wanted):
        return own
    found = {own.version: own}
    for path in _candidates(wanted):
        interpreter = _probe(path)
        if interpreter is not None and interpreter.matches(wanted):
            return interpreter
        if interpreter is not None:
            found.setdefault(interpreter.version, interpreter)
    there = ", ".join(f"{one.version} ({one.path})" for one in found.values())
    raise BuildError(f"Python {wanted} is not on the compute target; found: {there}.")


def _candidates(wanted: str) -> Iterator[str]:
    """Return paths, the likeliest first, each once."""
    minor = "python" + ".".join(wanted.split(".")[:2])
    directories = [*os.get_exec_path(), "/usr/local/bin", "/usr/bin"]
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    uv = os.environ.get("UV_PYTHON_INSTALL_DIR") or os.path.expanduser("~/.local/share/uv/python")
    patterns = [
        *(
            os.path.join(glob.escape(directory), name)
            for name in (minor, "python3", "python")
            for directory in directories
        ),
        os.path.join(glob.escape(pyenv), "versions", "*", "bin", "python3"),
        os.path.join(glob.escape(uv), "*", "bin", "python3"),
        *(os.path.join(glob.escape(directory), "python3.[0-9]*[0-9]") for directory in directories),
    ]
    seen = set()
    for path in (path for pattern in patterns for path in sorted(glob.glob(pattern))):
        if path not in seen and os.access(path, os.X_OK):
            seen.add(path)
            yield path


def _probe(path: str) -> Interpreter | None:
    """Ask a program whether it is Python; the path it names may differ, as a launcher's does."""
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = os.fsdecode(done.stdout).split("\n")
    if done.returncode != 0 or len(lines) != 4 or lines[0] != "aml-python":  # noqa: PLR2004  as _PROBE prints them
        return None
    return Interpreter(lines[3], lines[1], lines[2])
