"""A base layer made of this machine's own Python: no registry, no download. For Linux with glibc."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from aml_plugins.errors import OperationFailedError
from aml_plugins.images.layers import Entry, files_below

__all__ = ["PYTHON_PATH", "host_python_entries", "host_python_key"]

PYTHON_PATH = "opt/python"
_LEFT_OUT = frozenset(
    {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3"}
)
# Wheels may link against any library of these packages, not only against what Python itself needs.
_PACKAGES = ("libc6", "libgcc-s1", "libstdc++6", "libgomp1", "zlib1g")
_PROGRAMS = ("sh", "env", "ls", "cat", "sleep", "uname", "ldd")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSWD = b"root:x:0:0:root:/root:/bin/sh\naml:x:10001:10001:aml:/home/aml:/bin/sh\n"
_GROUP = b"root:x:0:\naml:x:10001:\n"
_USED = re.compile(r"(/\S+) \(0x")
_LOADER = re.compile(r"^\s*(/\S*ld-linux\S*)", re.MULTILINE)


def host_python_key() -> list[str]:
    """Return what makes two such layers different."""
    library = sysconfig.get_config_var("LDLIBRARY")
    return ["host-python-3", sys.version, sys.base_prefix, str(library), str(_CERTIFICATES.is_file())]


def host_python_entries() -> Iterator[Entry]:
    """Yield Python with its standard library and every library that it or a wheel may load."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(sys.base_prefix)
    program = prefix / "bin" / version
    if not program.is_file():
        raise OperationFailedError(
            f"The Python of {prefix} cannot be put into an image.", "Name a base image: --base-image REGISTRY/IMAGE:TAG"
        )
    library = list(files_below(prefix / "lib" / version, f"{PYTHON_PATH}/lib/{version}", without=_LEFT_OUT))
    yield from (entry for entry in library if not entry.path.endswith(".a"))
    yield Entry(f"{PYTHON_PATH}/bin/{version}", program.resolve(), executable=True)
    yield from (Entry(f"{PYTHON_PATH}/bin/{name}", link=version) for name in ("python", "python3"))
    for shared in sorted((prefix / "lib").glob("libpython3*.so*")):
        yield Entry(f"{PYTHON_PATH}/lib/{shared.name}", shared, executable=True)
    binaries = [program, *(entry.source for entry in library if entry.source and ".so" in entry.source.name)]
    yield from _system(binaries)


def _system(binaries: list[Path]) -> Iterator[Entry]:
    programs = [Path(found) for name in _PROGRAMS if (found := shutil.which(name))]
    needed = _libraries([*binaries, *programs]) | _of_packages()
    for path in sorted(needed):
        if "libpython" not in path:
            yield Entry(path.lstrip("/"), Path(path), executable=True)
    for program in programs:
        yield Entry(f"usr/bin/{program.name}", program, executable=True)
        yield Entry(f"bin/{program.name}", link=f"/usr/bin/{program.name}")
    if _CERTIFICATES.is_file():
        yield Entry(str(_CERTIFICATES).lstrip("/"), _CERTIFICATES)
    yield Entry("etc/passwd", content=_PASSWD)
    yield Entry("etc/group", content=_GROUP)
    yield Entry("etc/nsswitch.conf", content=b"passwd: files\ngroup: files\nhosts: files dns\n")
    yield Entry("tmp/.keep")


def _libraries(binaries: list[Path]) -> set[str]:
    told = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    return set(_USED.findall(told)) | set(_LOADER.findall(told))


def _of_packages() -> set[str]:
    """Return what Debian's packages of the C and C++ runtime have; nothing where there is no dpkg."""
    if shutil.which("dpkg") is None:
        return set()
    told = subprocess.run(["dpkg", "-L", *_PACKAGES], capture_output=True, text=True, check=False).stdout
    return {line for line in told.splitlines() if ".so" in line.rpartition("/")[2] and Path(line).is_file()}
