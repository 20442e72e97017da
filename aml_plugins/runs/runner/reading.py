"""Reading small files. A file object touches dozens of pages, each of which a forked runner has to copy first."""

from __future__ import annotations

import os

__all__ = ["read_file"]

_BLOCK = 1 << 16


def read_file(path: str) -> bytes:
    """Return all that is in a file.

    :raises OSError: where it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = piece = os.read(descriptor, _BLOCK)
        while piece:
            piece = os.read(descriptor, _BLOCK)
            found += piece
        return found
    finally:
        os.close(descriptor)
