"""Reading a zip archive: what is in it, and where. ``zipfile`` would cost twice the time that starting Python does."""

from __future__ import annotations

import mmap
import os
import struct
import zlib

from .errors import JobError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Archive", "Member"]

_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_EXTRA = struct.Struct("<HH")
_MAXIMUM_COMMENT = 0xFFFF
_IN_EXTRA = 0xFFFFFFFF
_ZIP64 = 1
_ENCRYPTED = 1
_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
BLOCK = 1 << 20


class Member:
    """One entry of an archive."""

    __slots__ = ("checksum", "compressed", "flags", "method", "mode", "name", "offset", "raw_name", "size")

    def __init__(self, raw_name: bytes, fields: tuple[int, ...], sizes: tuple[int, int, int]) -> None:
        self.raw_name = raw_name
        self.name = raw_name.decode("utf-8" if fields[2] & _UTF8 else "cp437", "surrogateescape")
        self.flags, self.method, self.checksum = fields[2], fields[3], fields[6]
        self.mode = fields[14] >> 16
        self.size, self.compressed, self.offset = sizes


class Archive:
    """An open zip archive; its content is mapped, so that memory stays small whatever its size.

    :raises JobError: where the file is no zip archive or is damaged.
    """

    def __init__(self, path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            if os.fstat(descriptor).st_size < _END.size:
                raise JobError(f"'{path}' is not a zip archive.")
            self._map = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)
        self._path = path
        self.size = len(self._map)

    def members(self) -> Iterator[Member]:
        """Return what the archive says it holds; nothing of it is to be trusted."""
        try:
            count, position = self._directory()
            for _ in range(count):
                member, position = self._member(position)
                yield member
        except (struct.error, UnicodeDecodeError, IndexError):
            raise self._damaged() from None

    def content(self, member: Member) -> Iterator[bytes]:
        """Return a member's content in pieces, never more than it says it has, checked at the end."""
        size, checksum = 0, 0
        try:
            for piece in self._pieces(member):
                size += len(piece)
                if size > member.size:
                    break
                checksum = zlib.crc32(piece, checksum)
                yield piece
        except (zlib.error, struct.error):
            raise self._damaged() from None
        if size != member.size or checksum != member.checksum:
            raise self._damaged()

    def _pieces(self, member: Member) -> Iterator[bytes]:
        if member.method not in {_STORED, _DEFLATED} or member.flags & _ENCRYPTED:
            raise JobError(f"'{member.name}' in the snapshot is encrypted or compressed in an unknown way.")
        local = _LOCAL.unpack_from(self._map, member.offset)
        start = member.offset + _LOCAL.size + local[9] + local[10]
        end = start + member.compressed
        stored = (self._map[at : min(at + BLOCK, end)] for at in range(start, end, BLOCK))
        return stored if member.method == _STORED else _inflate(stored)

    def _directory(self) -> tuple[int, int]:
        """Return how many entries there are, and where the first is."""
        at = self._map.rfind(b"PK\5\6", max(0, len(self._map) - _END.size - _MAXIMUM_COMMENT))
        if at < 0:
            raise JobError(f"'{self._path}' is not a zip archive.")
        end = _END.unpack_from(self._map, at)
        count, start = end[4], end[6]
        before = at - _LOCATOR64.size
        if before >= 0 and self._map[before : before + 4] == b"PK\6\7":
            end = _END64.unpack_from(self._map, _LOCATOR64.unpack_from(self._map, before)[2])
            count, start = end[7], end[9]
        return count, start

    def _member(self, position: int) -> tuple[Member, int]:
        fields = _ENTRY.unpack_from(self._map, position)
        if fields[0] != b"PK\1\2":
            raise self._damaged()
        name_at = position + _ENTRY.size
        extra_at = name_at + fields[10]
        after_extra = extra_at + fields[11]
        sizes = (fields[9], fields[8], fields[16])
        if _IN_EXTRA in sizes:
            sizes = _large_sizes(sizes, self._map[extra_at:after_extra])
        return Member(self._map[name_at:extra_at], fields[1:], sizes), after_extra + fields[12]

    def _damaged(self) -> JobError:
        return JobError(f"'{self._path}' is damaged.")


def _inflate(stored: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress; no piece is larger than a block, however well it was compressed."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for block in stored:
        rest = block
        while rest and not inflater.eof:
            yield inflater.decompress(rest, BLOCK)
            rest = inflater.unconsumed_tail
    while not inflater.eof:
        piece = inflater.decompress(inflater.unconsumed_tail, BLOCK)
        if not piece:
            return
        yield piece


def _large_sizes(sizes: tuple[int, int, int], extra: bytes) -> tuple[int, int, int]:
    """Take from the ZIP64 extra field what did not fit: it holds those values alone, in this order."""
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size
        if kind == _ZIP64:
            large = iter(struct.unpack_from(f"<{length // 8}Q", extra, at))
            size, compressed, offset = (next(large, value) if value == _IN_EXTRA else value for value in sizes)
            return size, compressed, offset
        at += length
    return sizes
