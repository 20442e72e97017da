"""A container image with this machine's own Python, made without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["python_image"]

_LOADER = "/lib64/ld-linux-x86-64.so.2"
_TOOLS = ("sh", "cat", "ls", "sleep", "env", "kill")
_SKIPPED = shutil.ignore_patterns(
    "test", "tests", "idlelib", "turtledemo", "site-packages", "__pycache__", "*.a", "lib2to3", "tkinter", "config-*"
)


def python_image(directory: Path, name: str) -> Path:
    """Write an image as ``docker save`` does; ``python3`` is on its path. Return the archive.

    :param directory: for the archive.
    :param name: the image's name with its tag.
    """
    root = directory / "root"
    _fill(root)
    layer = directory / "layer.tar"
    with tarfile.open(layer, "w") as tar:
        for entry in sorted(root.iterdir()):
            tar.add(entry, entry.name)
    return _archive(directory / "image.tar", layer, name)


def _fill(root: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(sys.base_prefix)
    for folder in ("tmp", "etc", "root", "proc", "sys", "dev", "usr/bin", "opt/python/bin", "etc/ssl/certs"):
        (root / folder).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "bin").symlink_to("usr/bin")
    shutil.copytree(prefix / "lib" / version, root / "opt/python/lib" / version, ignore=_SKIPPED)
    (root / "opt/python/lib" / version / "site-packages").mkdir()
    python = root / "opt/python/bin" / version
    shutil.copy2(Path(sys._base_executable).resolve(), python)  # type: ignore[attr-defined]
    for alias in ("python3", "python"):
        (python.parent / alias).symlink_to(version)
    programs = [Path(found) for tool in _TOOLS if (found := shutil.which(tool))]
    for program in programs:
        shutil.copy2(program.resolve(), root / "usr/bin" / program.name)
    _copy_libraries(root, [python, *programs, *(root / "opt/python/lib").rglob("*.so")])
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")


def _copy_libraries(root: Path, programs: Iterable[Path]) -> None:
    """Copy what the loader loads for these programs, and what the C library loads by itself."""
    wanted = {Path(_LOADER)}
    for program in programs:
        listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
        wanted |= {Path(path) for path in re.findall(r"(/\S+) \(0x", listed)}
    for path in wanted:
        target = root / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copy2(path, target)


def _archive(target: Path, layer: Path, name: str) -> Path:
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/opt/python/bin:/usr/bin:/bin", "LANG=C.UTF-8"], "Cmd": ["python3"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(target, "w") as tar:
        for file, value in (("manifest.json", manifest), ("config.json", config)):
            data = json.dumps(value).encode()
            member = tarfile.TarInfo(file)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        tar.add(layer, "layer.tar")
    return target
