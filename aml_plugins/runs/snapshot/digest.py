"""The digest of a snapshot's content, which is its name everywhere.

SHA-256 over one line a member, sorted by path: ``MODE SHA256 PATH`` and a NUL byte, after the line
``aml-snapshot 1`` and a NUL byte. ``MODE`` is the Unix mode in octal, ``SHA256`` that of the member's bytes in
hexadecimal. Two machines agree on it whatever their processors and libraries make of the compressed bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

__all__ = ["content_digest", "manifest_digest"]


def manifest_digest(members: Iterable[tuple[bytes, int, bytes]]) -> str:
    """Return the digest of members given as path, mode and SHA-256, sorted by path."""
    manifest = hashlib.sha256(b"aml-snapshot 1\0")
    manifest.update(b"".join(b"%o %b %b\0" % (mode, digest.hex().encode(), name) for name, mode, digest in members))
    return manifest.hexdigest()


def content_digest(path: Path) -> str:
    """Read a snapshot's zip to the end and return its content's digest; it must be the digest it is stored under.

    :raises zipfile.BadZipFile: where the file is no zip, or a member's check sum is wrong.
    """
    import zipfile  # noqa: PLC0415  # taking a snapshot does without it

    found = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as content:
                digest = hashlib.file_digest(content, "sha256").digest()  # type: ignore[arg-type]  # it has readinto
            found.append((member.filename.encode(), member.external_attr >> 16, digest))
    return manifest_digest(sorted(found))
