"""A conda channel in a directory, with packages made on the fly; among them this machine's Python."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CondaChannel"]

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_LEFT_OUT = (
    "test", "tests", "idlelib", "turtledemo", "site-packages", "dist-packages", "__pycache__", "lib2to3", "tkinter",
    "pydoc_data", "unittest", "config-*", "*.a", "_test*", "EXTERNALLY-MANAGED", "sitecustomize.py",
)  # fmt: skip
# Debian's Python looks into dist-packages alone.
_SITE = b"""import site, sys
site.addsitedir(f"{sys.prefix}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
"""


class CondaChannel:
    """Packages are added, then indexed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.subdir = _subdir()
        for name in ("noarch", self.subdir):
            (directory / name).mkdir(parents=True)

    @property
    def address(self) -> str:
        return self.directory.as_uri()

    def add(
        self, name: str, version: str, files: Mapping[str, bytes] | None = None, depends: Sequence[str] = ()
    ) -> None:
        """Add a package of files."""
        self._write(name, version, dict(files or {}), depends, kind={"noarch": "generic"}, subdir="noarch")

    def add_library(self, name: str, version: str, program: str) -> None:
        """Add a module for any Python."""
        files = {
            f"site-packages/{name}.py": program.encode(),
            f"site-packages/{name}-{version}.dist-info/METADATA": (
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
            ),
        }
        link = {"noarch": {"type": "python"}, "package_metadata_version": 1}
        self._write(
            name,
            version,
            files,
            ["python"],
            kind={"noarch": "python"},
            subdir="noarch",
            info={"link.json": json.dumps(link)},
        )

    def add_python(self, staging: Path) -> None:
        """Add this machine's Python: its program and standard library, so that its prefix is the environment's."""
        base = Path(sys.base_prefix)
        library = Path(os.__file__).parent
        shutil.copytree(library, staging / "lib" / VERSION, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        (staging / "lib" / VERSION / "site-packages").mkdir()
        (staging / "lib" / VERSION / "sitecustomize.py").write_bytes(_SITE)
        program = next(
            path for path in (base / "bin" / VERSION, Path(os.path.realpath(sys.executable))) if path.exists()
        )
        (staging / "bin").mkdir()
        shutil.copy2(program, staging / "bin" / VERSION)
        if subprocess.run([staging / "bin" / VERSION, "-S", "-c", ""], capture_output=True, check=False).returncode:
            for shared in (base / "lib").glob("libpython*.so*"):  # it looks for its library beside itself
                shutil.copy2(shared, staging / "lib", follow_symlinks=False)
        for name in ("python", "python3"):
            (staging / "bin" / name).symlink_to(VERSION)
        version = ".".join(map(str, sys.version_info[:3]))
        self._write("python", version, staging, (), kind={}, subdir=self.subdir)

    def index(self) -> None:
        """Make the packages known to solvers."""
        from rattler.index import index_fs

        asyncio.run(index_fs(self.directory))

    def _write(
        self,
        name: str,
        version: str,
        files: dict[str, bytes] | Path,
        depends: Sequence[str],
        *,
        kind: dict[str, str],
        subdir: str,
        info: Mapping[str, str] | None = None,
    ) -> None:
        index = {
            "name": name, "version": version, "build": "0", "build_number": 0, "depends": list(depends),
            "subdir": subdir, "license": "MIT", "timestamp": 1_700_000_000_000, **kind,
        }  # fmt: skip
        with tarfile.open(self.directory / subdir / f"{name}-{version}-0.tar.bz2", "w:bz2", compresslevel=1) as archive:
            paths = _add_tree(archive, files) if isinstance(files, Path) else _add_files(archive, files)
            for member, content in {
                "index.json": json.dumps(index),
                "paths.json": json.dumps({"paths": paths, "paths_version": 1}),
                "files": "".join(f"{path['_path']}\n" for path in paths),
                **(info or {}),
            }.items():
                _add(archive, f"info/{member}", content.encode())


def _add_files(archive: tarfile.TarFile, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    for name, content in files.items():
        _add(archive, name, content, 0o755 if name.startswith("bin/") else 0o644)
    return [_path(name, "hardlink", content) for name, content in files.items()]


def _add_tree(archive: tarfile.TarFile, root: Path) -> list[dict[str, Any]]:
    paths = []
    for file in sorted(path for path in root.rglob("*") if path.is_symlink() or path.is_file()):
        name = file.relative_to(root).as_posix()
        archive.add(file, name, recursive=False)
        paths.append(_path(name, "softlink" if file.is_symlink() else "hardlink", file.read_bytes()))
    return paths


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    archive.addfile(member, io.BytesIO(content))


def _path(name: str, kind: str, content: bytes) -> dict[str, Any]:
    return {
        "_path": name,
        "path_type": kind,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }


def _subdir() -> str:
    from rattler import Subdir

    return str(Subdir.current())
