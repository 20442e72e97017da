"""Making ``runner.pyz``: once for each version of it, in each home directory."""

from __future__ import annotations

import importlib.util
import marshal
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO

__all__ = ["archive_of", "with_byte_code"]

_DATE = (1980, 1, 1, 0, 0, 0)
_UNCHECKED_HASH = (1).to_bytes(4, "little")


def archive_of(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Return a zip archive. Stored without compressing: Python reads it at each start."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            _add(archive, name, content)
    return buffer.getvalue()


def with_byte_code(sources: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield each module as source and as byte-code; no more, for the list of contents is read at each start, too."""
    for name, source in sources:
        yield name, source
        yield f"{name}c", _byte_code(name, source)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    member = zipfile.ZipInfo(name, _DATE)
    member.external_attr = 0o100644 << 16
    archive.writestr(member, content)


def _byte_code(name: str, content: bytes) -> bytes:
    """Return a ``.pyc`` that is taken as it is; an interpreter of another version passes over it to the source."""
    code = compile(content, f"runner.pyz/{name}", "exec", dont_inherit=True)
    header = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(content)
    return header + marshal.dumps(code)
