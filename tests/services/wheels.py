"""Wheels made on the fly, so that installing needs no network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

__all__ = ["write_wheel"]


def write_wheel(directory: Path, name: str, version: str, program: str) -> Path:
    """Write a wheel with one module."""
    directory.mkdir(parents=True, exist_ok=True)
    folder = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": program,
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_hash(text)},{len(text)}\n" for path, text in files.items())
    path = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in {**files, f"{folder}/RECORD": f"{record}{folder}/RECORD,,\n"}.items():
            wheel.writestr(member, text)
    return path


def _hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
