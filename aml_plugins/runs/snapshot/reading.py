"""Files become members: read once, hashed, deflated, and written behind one another."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from typing import BinaryIO

from isal import isal_zlib

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.archive import DEFLATED, EXECUTABLE, PLAIN, STORED, Member, local_header
from aml_plugins.runs.snapshot.values import some_of
from aml_plugins.runs.snapshot.walking import Fingerprint, TreeChangedError, fingerprint

__all__ = ["UnreadableError", "append_bytes", "append_file"]

CHUNK = 1024 * 1024
ATTEMPTS = 5
PAUSE_SECONDS = 0.05
# igzip's level 1 is 3 to 9 times as fast as zlib's default and 3 to 20 % larger; zlib-ng is slower at equal size.
LEVEL = 1
RAW = -15
# Of a large file, a piece at its beginning, its middle and its end is deflated for a try: where none of them gets
# smaller by more than this share (pictures, archives, Parquet), the whole is stored as it is, which costs both sides
# half as much.
SAMPLE = 64 * 1024
WORTH = 0.03


class UnreadableError(Exception):
    """A file cannot be read; the caller gathers them all."""


class _MovingError(Exception):
    """The file changed while it was read."""


def append_file(out: BinaryIO, name: bytes, source: str, known: Member | None) -> tuple[Fingerprint, Member, bool]:
    """Append a file as a member.

    :param source: where it is, free of symbolic links.
    :param known: what the file was last time; where its bytes are the same, nothing is appended.
    :returns: its fingerprint before it was read, the member, and whether it was appended.
    :raises UnreadableError: where it cannot be opened or read.
    :raises TreeChangedError: where it vanished or is no longer a file.
    :raises InvalidInputError: where it changes whenever it is read.
    """
    start = out.tell()
    for _attempt in range(ATTEMPTS):
        handle = _open(source)
        try:
            return _append(out, name, handle, known)
        except _MovingError:
            out.seek(start)
            out.truncate()
            time.sleep(PAUSE_SECONDS)
        finally:
            os.close(handle)
    raise InvalidInputError(
        f"The file {some_of([os.fsdecode(name)])} changes while it is read.",
        "Stop what writes it, or name it in .amlignore.",
    )


def append_bytes(out: BinaryIO, name: bytes, content: bytes, mode: int) -> Member:
    """Append a member whose bytes are at hand."""
    packed = isal_zlib.compress(content, LEVEL, RAW)
    method = DEFLATED if len(packed) < len(content) else STORED
    body = packed if method == DEFLATED else content
    member = Member(
        mode, len(content), len(body), isal_zlib.crc32(content), method, hashlib.sha256(content).digest(), out.tell()
    )
    out.write(local_header(name, member))
    out.write(body)
    return member


def _open(source: str) -> int:
    # O_NONBLOCK: a pipe that has taken the file's place must not hang us.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        return os.open(source, flags)
    except (FileNotFoundError, NotADirectoryError):
        raise TreeChangedError(source) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise TreeChangedError(source) from None
        raise UnreadableError from None


def _append(out: BinaryIO, name: bytes, handle: int, known: Member | None) -> tuple[Fingerprint, Member, bool]:
    before = os.fstat(handle)
    if not stat.S_ISREG(before.st_mode):
        raise TreeChangedError(name)
    mode = EXECUTABLE if before.st_mode & stat.S_IXUSR else PLAIN
    if before.st_size >= CHUNK:
        return fingerprint(before), _stream(out, name, handle, before, mode), True
    content = _read_all(handle, before.st_size)
    _check_still(handle, before, len(content))
    if known is not None and known.digest == hashlib.sha256(content).digest():
        return fingerprint(before), known._replace(mode=mode), False
    return fingerprint(before), append_bytes(out, name, content, mode), True


def _stream(out: BinaryIO, name: bytes, handle: int, before: os.stat_result, mode: int) -> Member:
    start, size, packed, crc = out.tell(), 0, 0, 0
    digest, deflate = hashlib.sha256(), isal_zlib.compressobj(LEVEL, DEFLATED, RAW)
    method = DEFLATED if _gets_smaller(handle, before.st_size) else STORED
    # The header's length is known now, its values when the file has been read.
    out.write(local_header(name, Member(mode, before.st_size, 0, 0, method, b"", start)))
    while chunk := _read(handle, CHUNK):
        size, crc = size + len(chunk), isal_zlib.crc32(chunk, crc)
        if size > before.st_size:
            raise _MovingError
        digest.update(chunk)
        packed += out.write(deflate.compress(chunk) if method == DEFLATED else chunk)
    if method == DEFLATED:
        packed += out.write(deflate.flush())
    _check_still(handle, before, size)
    member = Member(mode, size, packed, crc, method, digest.digest(), start)
    out.seek(start)
    out.write(local_header(name, member))
    out.seek(0, os.SEEK_END)
    return member


def _gets_smaller(handle: int, size: int) -> bool:
    """Say whether a file of a chunk or more is worth deflating."""
    for offset in (0, (size - SAMPLE) // 2, size - SAMPLE):
        try:
            sample = os.pread(handle, SAMPLE, offset)
        except OSError:
            raise UnreadableError from None
        if len(isal_zlib.compress(sample, LEVEL, RAW)) < (1 - WORTH) * len(sample):
            return True
    return False


def _read(handle: int, size: int) -> bytes:
    try:
        return os.read(handle, size)
    except OSError:
        raise UnreadableError from None


def _read_all(handle: int, expected: int) -> bytes:
    """Read to the end, which one call does nearly always."""
    content = _read(handle, expected + 1)
    while len(content) < expected and (more := _read(handle, expected + 1)):
        content += more
    return content


def _check_still(handle: int, before: os.stat_result, size: int) -> None:
    after = os.fstat(handle)
    if size != before.st_size or after.st_mtime_ns != before.st_mtime_ns or after.st_ctime_ns != before.st_ctime_ns:
        raise _MovingError
