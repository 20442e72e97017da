"""gzip on all processors: members of one size, one after the other, which any reader of gzip takes for one file."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO

__all__ = ["Packing", "packing"]

_LEVEL = 3
_MEMBER_BYTES = 4 << 20  # of one size wherever a layer is made: its bytes must not tell how many processors there were
_GZIP = 31


@contextmanager
def packing(file: IO[bytes]) -> Iterator[Packing]:
    """Open a file to be written compressed; it is whole when the block ends without an exception."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers, thread_name_prefix="aml-layer") as pool:
        packed = Packing(file, pool, workers + 1)
        yield packed
        packed.finish()


class Packing:
    """What is written to it goes into the file compressed.

    :param most: how many members may wait in memory.
    """

    def __init__(self, file: IO[bytes], pool: ThreadPoolExecutor, most: int) -> None:
        self._file = file
        self._pool = pool
        self._most = most
        self._hash = hashlib.sha256()
        self._gathered = bytearray()
        self._members: deque[Future[bytes]] = deque()

    @property
    def diff_id(self) -> str:
        """The digest of what was written, before it was compressed."""
        return f"sha256:{self._hash.hexdigest()}"

    def write(self, data: bytes) -> int:
        """Take some bytes; compress and write when there are enough."""
        self._hash.update(data)
        self._gathered += data
        while len(self._gathered) >= _MEMBER_BYTES:
            self._send(bytes(self._gathered[:_MEMBER_BYTES]))
            del self._gathered[:_MEMBER_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write what is left: at least one member, for nothing is no gzip file."""
        self._send(bytes(self._gathered))
        while self._members:
            self._file.write(self._members.popleft().result())

    def _send(self, part: bytes) -> None:
        self._members.append(self._pool.submit(zlib.compress, part, _LEVEL, _GZIP))
        if len(self._members) > self._most:
            self._file.write(self._members.popleft().result())
