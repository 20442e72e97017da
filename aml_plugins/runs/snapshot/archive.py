"""The zip, written by hand: each byte follows from the members, and a member can be copied from another zip as it is.

Members come sorted by path, with the date 1980-01-01, names in UTF-8, and sizes in front of their bytes (no data
descriptors). The upper half of ``external_attr`` is the Unix mode: ``0100644`` and ``0100755`` for files, ``0120777``
for symbolic links (the member's bytes are the target), ``040755`` for directories that would otherwise be missing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

__all__ = [
    "DEFLATED",
    "DIRECTORY",
    "EXECUTABLE",
    "LINK",
    "PLAIN",
    "STORED",
    "Member",
    "end_of_archive",
    "local_header",
    "span",
]

PLAIN, EXECUTABLE, LINK, DIRECTORY = 0o100644, 0o100755, 0o120777, 0o040755
STORED, DEFLATED = 0, 8
UTF8_NAMES = 0x800
DATE = (1 << 5) | 1
UNIX = 3 << 8
BIG = 0xFFFFFFFF
MANY = 0xFFFF
# A file this large gets 64-bit sizes in front, so that what deflate may add never has to change the header's length.
WIDE = 0xF0000000

_LOCAL = struct.Struct("<4s5HIIIHH")
_CENTRAL = struct.Struct("<4s6HIIIHHHHHII")
_WIDE_SIZES = struct.Struct("<HHQQ")
_END = struct.Struct("<4s4HIIH")
_WIDE_END = struct.Struct("<4sQ2H2I4Q")
_WIDE_LOCATOR = struct.Struct("<4sIQI")


class Member(NamedTuple):
    """One member, wherever its bytes are.

    :param digest: SHA-256 of its uncompressed bytes.
    :param offset: where its local header starts.
    """

    mode: int
    size: int
    packed: int
    crc: int
    method: int
    digest: bytes
    offset: int


def span(name: bytes, member: Member) -> int:
    """Return how many bytes a member takes: header and content."""
    return _LOCAL.size + len(name) + (_WIDE_SIZES.size if member.size >= WIDE else 0) + member.packed


def local_header(name: bytes, member: Member) -> bytes:
    """Return what stands before a member's bytes; it says nothing of where they are."""
    extra = _WIDE_SIZES.pack(1, 16, member.size, member.packed) if member.size >= WIDE else b""
    packed, size = (BIG, BIG) if extra else (member.packed, member.size)
    fixed = (45 if extra else 20, UTF8_NAMES, member.method, 0, DATE, member.crc, packed, size, len(name), len(extra))
    return _LOCAL.pack(b"PK\3\4", *fixed) + name + extra


def end_of_archive(members: Iterable[tuple[bytes, Member]], start: int) -> bytes:
    """Return the central directory and what follows it.

    :param members: in the order of their offsets.
    :param start: where the directory begins.
    """
    parts = [_central_header(name, member) for name, member in members]
    size = sum(map(len, parts))
    parts.append(_end(len(parts), size, start))
    return b"".join(parts)


def _central_header(name: bytes, member: Member) -> bytes:
    size, packed, offset, extra = member.size, member.packed, member.offset, b""
    if size >= BIG or packed >= BIG or offset >= BIG:
        wide = [number for number in (size, packed, offset) if number >= BIG]
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide)
        size, packed, offset = min(size, BIG), min(packed, BIG), min(offset, BIG)
    version = 45 if extra or member.size >= WIDE else 20
    attributes = member.mode << 16 | (0x10 if member.mode == DIRECTORY else 0)
    lengths = (len(name), len(extra), 0, 0, 0)
    fixed = (UNIX | version, version, UTF8_NAMES, member.method, 0, DATE, member.crc, packed, size)
    return _CENTRAL.pack(b"PK\1\2", *fixed, *lengths, attributes, offset) + name + extra


def _end(count: int, size: int, start: int) -> bytes:
    short = _END.pack(b"PK\5\6", 0, 0, min(count, MANY), min(count, MANY), min(size, BIG), min(start, BIG), 0)
    if count < MANY and size < BIG and start < BIG:
        return short
    wide = _WIDE_END.pack(b"PK\6\6", _WIDE_END.size - 12, UNIX | 45, 45, 0, 0, count, count, size, start)
    return wide + _WIDE_LOCATOR.pack(b"PK\6\7", 0, start + size, 1) + short
