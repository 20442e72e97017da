"""How both sides talk: frames of four bytes of length and JSON, and raw bytes whose number a frame announced."""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

__all__ = ["BLOCK", "LENGTH", "LONGEST_FRAME", "READY", "Wire", "pack"]

READY = b"\n\0aml-ready\0\n"
"""Said first: whatever a shell's start files print comes before it."""
LENGTH = struct.Struct(">L")
LONGEST_FRAME = 64 << 20
BLOCK = 256 << 10


def pack(message: Any) -> bytes:
    """Return a message as a frame."""
    text = json.dumps(message).encode("ascii")
    return LENGTH.pack(len(text)) + text


class Wire:
    """The machine's end."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._in = incoming
        self._out = outgoing

    def ready(self) -> None:
        self._out.write(READY)
        self._out.flush()

    def read(self) -> Any:
        """Return the next message, None at the end.

        :raises EOFError: where the other side left in the middle of one.
        """
        head = self._in.read(LENGTH.size)
        if not head:
            return None
        return json.loads(self._exactly(LENGTH.unpack(head)[0]))

    def write(self, message: Any) -> None:
        self._out.write(pack(message))
        self._out.flush()

    def announce(self, message: Any) -> None:
        """Write a message that more follows upon, so that it need not leave at once."""
        self._out.write(pack(message))

    def write_raw(self, data: bytes) -> None:
        self._out.write(data)

    def read_raw(self, size: int) -> bytes:
        """Return some of the announced bytes, at most ``size``.

        :raises EOFError: where the other side is gone.
        """
        data = self._in.read(min(size, BLOCK))
        if not data:
            raise EOFError
        return data

    def _exactly(self, size: int) -> bytes:
        data = self._in.read(size)
        if len(data) < size:
            raise EOFError
        return data
