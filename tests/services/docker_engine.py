"""A container engine for the session, and an image with Python in it that no registry has to bring."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["INSTALL", "DockerEngine", "find_engine", "running_engine"]

TOOL = Path(__file__).parents[2] / "tools" / "docker"
INSTALL = "tools/docker install"
IMAGE = "aml-test/python:2"
_LIBRARY = re.compile(r"(/\S+) \(0x")
_USERS_ADDRESS = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
"""Of the user's engine: read before any test points the variable to one of its own."""
_TOOLS = ("sh", "env", "cat", "sleep", "mkdir")


@dataclass(frozen=True)
class DockerEngine:
    """An engine that answers.

    :param address: of its socket; :param image: CPython and a shell, and little else.
    :param network: one that its containers can have.
    """

    address: str
    network: str
    image: str = IMAGE


def find_engine() -> str | None:
    """Return the address of an engine that the user runs, else the path of dockerd, None where there is neither."""
    if _answers(_USERS_ADDRESS):
        return _USERS_ADDRESS
    done = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if os.geteuid() == 0 else None


@contextlib.contextmanager
def running_engine(found: str, bridge: str | None = None) -> Iterator[DockerEngine]:
    """Use the user's engine, or start one that is gone afterwards.

    :param bridge: a bridge for the containers of the engine that is started.
    """
    if found.startswith("unix://"):
        engine = DockerEngine(found, "bridge")
        _import_image(engine)
        yield engine
        return
    directory = Path(tempfile.mkdtemp(prefix="aml-docker-"))
    try:
        done = subprocess.run([TOOL, "start", directory, bridge or ""], stdout=subprocess.PIPE, text=True, check=True)
        engine = DockerEngine(done.stdout.strip(), "bridge" if bridge else "none")
        _import_image(engine)
        yield engine
    finally:
        subprocess.run([TOOL, "stop", directory], check=False)
        _unmount(directory)
        shutil.rmtree(directory, ignore_errors=True)


def _answers(address: str) -> bool:
    import docker

    try:
        with contextlib.closing(docker.DockerClient(base_url=address, timeout=5)) as client:
            return bool(client.ping())
    except Exception:  # noqa: BLE001  whatever it is, there is no engine to use
        return False


def _import_image(engine: DockerEngine) -> None:
    """Make the image from the Python that runs the tests: a registry is not needed, and the same code runs inside."""
    import docker

    with contextlib.closing(docker.DockerClient(base_url=engine.address)) as client:
        if client.images.list(engine.image):
            return
        name, _, tag = engine.image.rpartition(":")
        changes = [
            "ENV PATH=/opt/python/bin:/usr/bin:/bin LD_LIBRARY_PATH=/opt/python/lib LANG=C.UTF-8",
            'CMD ["python3"]',
        ]
        client.api.import_image(src=str(_packed_image()), repository=name, tag=tag, changes=changes)


def _packed_image() -> Path:
    """Return the image's files as an archive, packed once for each Python."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "aml-plugins"
    archive = cache / f"python-image-2-{sys.implementation.cache_tag}-{'.'.join(map(str, sys.version_info[:3]))}.tar"
    if archive.is_file():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="aml-image-") as name:
        root = Path(name)
        _fill(root)
        part = archive.with_suffix(f".{os.getpid()}.part")
        subprocess.run(["tar", "-C", root, "--owner=0", "--group=0", "-cf", part, "."], check=True)
        part.replace(archive)
    return archive


def _fill(root: Path) -> None:
    prefix, version = Path(sys.base_prefix), f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in ("bin", "etc", "tmp", "proc", "sys", "dev", "aml", "usr/bin", "opt/python/bin"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    skipped = shutil.ignore_patterns("test", "idlelib", "turtledemo", "site-packages", "*.a", "tkinter")
    home = root / "opt" / "python"
    shutil.copytree(prefix / "lib" / version, home / "lib" / version, ignore=skipped, symlinks=True)
    (home / "lib" / version / "site-packages").mkdir()
    shutil.copy2((prefix / "bin" / version).resolve(), home / "bin" / version)
    for alias in ("python3", "python"):
        (home / "bin" / alias).symlink_to(version)
    for library in (prefix / "lib").glob("libpython3*.so*"):
        shutil.copy2(library, home / "lib" / library.name, follow_symlinks=False)
    programs = [Path(found).resolve() for tool in _TOOLS if (found := shutil.which(tool))]
    for tool, program in zip(_TOOLS, programs, strict=True):
        shutil.copy2(program, root / "usr" / "bin" / tool)
        (root / "bin" / tool).symlink_to(f"/usr/bin/{tool}")
    _bring_libraries(root, [*programs, home / "bin" / version, *(p for p in home.rglob("*.so*") if p.is_file())])
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")


def _bring_libraries(root: Path, programs: list[Path]) -> None:
    """Copy what the dynamic linker loads for the programs, and the linker itself."""
    done = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False)
    needed = {Path(path) for path in _LIBRARY.findall(done.stdout) if "libpython" not in path}
    folders = {path.parent for path in needed}
    extra = {folder / name for folder in folders for name in ("libstdc++.so.6", "libgcc_s.so.1", "libnss_files.so.2")}
    for library in needed | {path for path in extra if path.exists()}:
        target = root / str(library).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library, target)


def _unmount(directory: Path) -> None:
    """Let go of what a container that was killed with its engine left mounted."""
    mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for path in sorted((path for path in mounted if path.startswith(str(directory))), reverse=True):
        subprocess.run(["umount", "-l", path], check=False)
