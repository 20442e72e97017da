"""What the cache remembers of a directory: the fingerprints it saw, and where each file's bytes lie in the zip it made.

Columns of fixed-width numbers and blocks of names, because 50,000 files must load in a fraction of the walk's time. It
is never trusted blindly: magic number, check sum, root and the zip's own identity agree, or it does not exist.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from isal import isal_zlib

from aml_plugins.runs.snapshot.archive import Member
from aml_plugins.runs.snapshot.cache import Cache, archive_identity
from aml_plugins.runs.snapshot.walking import Fingerprint

__all__ = ["UNSETTLED", "Index", "load_index", "save_index"]

MAGIC = b"aml-snapshot-index 1\n"
UNSETTLED: Fingerprint = (0, 0, 0, 0, 0)
"""The fingerprint of a file that may have changed unseen since it was read: it equals none."""

_HEAD = struct.Struct("<II")
_FINGERPRINT = struct.Struct("<IQqqQ")
_MEMBER = struct.Struct("<IQQIH32sQ")


@dataclass(kw_only=True)
class Index:
    """One directory's last snapshot.

    :param rules: identity of the ignore rules.
    :param archive: inode, size and modification time of the zip that the members lie in.
    :param packed_members: one record a file, in the order of ``files``.
    """

    root: str
    rules: str
    digest: str
    archive: tuple[int, int, int]
    files: dict[str, Fingerprint]
    packed_members: bytes = field(repr=False)
    directories: set[str]
    links: dict[str, str]
    ignored: set[str]

    @cached_property
    def members(self) -> dict[str, Member]:
        """The members of the files, by path."""
        return dict(zip(self.files, map(Member._make, _MEMBER.iter_unpack(self.packed_members)), strict=True))


def pack_members(members: list[Member]) -> bytes:
    """Return what :class:`Index` takes as ``packed_members``."""
    return b"".join([_MEMBER.pack(*member) for member in members])


def load_index(cache: Cache, root: str) -> Index | None:
    """Return what is remembered of a directory, if it is sound and its zip is still there."""
    try:
        content = cache.index_path(_key(root)).read_bytes()
        index = _decode(content)
        same = index.root == root and archive_identity(cache.zip_path(index.digest)) == index.archive
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return index if same else None


def save_index(cache: Cache, index: Index) -> None:
    """Remember; whoever writes last wins."""
    with cache.writing() as file:
        file.write(_encode(index))
        cache.publish(file, cache.index_path(_key(index.root)))


def _key(root: str) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:32]


def _encode(index: Index) -> bytes:
    head = {"root": index.root, "rules": index.rules, "digest": index.digest, "archive": index.archive}
    columns = [
        json.dumps(head).encode(),
        _pack_names(index.files),
        b"".join([_FINGERPRINT.pack(*found) for found in index.files.values()]),
        index.packed_members,
        _pack_names(index.directories),
        _pack_names([text for link in index.links.items() for text in link]),
        _pack_names(index.ignored),
    ]
    body = struct.pack(f"<{len(columns)}Q", *map(len, columns)) + b"".join(columns)
    return MAGIC + _HEAD.pack(len(columns), isal_zlib.crc32(body)) + body


def _decode(content: bytes) -> Index:
    count, check_sum = _HEAD.unpack_from(content, len(MAGIC))
    body = memoryview(content)[len(MAGIC) + _HEAD.size :]
    if not content.startswith(MAGIC) or isal_zlib.crc32(body) != check_sum:
        raise ValueError
    columns, offset = [], 8 * count
    for length in struct.unpack_from(f"<{count}Q", body):
        columns.append(body[offset : offset + length])
        offset += length
    head, names, fingerprints, members, directories, links, ignored = columns
    known: dict[str, Any] = json.loads(bytes(head))
    link_texts = _names(links)
    return Index(
        root=known["root"],
        rules=known["rules"],
        digest=known["digest"],
        archive=tuple(known["archive"]),
        files=dict(zip(_names(names), _FINGERPRINT.iter_unpack(fingerprints), strict=True)),
        packed_members=bytes(members),
        directories=set(_names(directories)),
        links=dict(zip(link_texts[::2], link_texts[1::2], strict=True)),
        ignored=set(_names(ignored)),
    )


def _pack_names(names: Any) -> bytes:
    # Each name with a NUL behind it, so that the root's empty name and no name at all differ.
    return "".join([name + "\0" for name in names]).encode("utf-8", "surrogateescape")


def _names(column: memoryview) -> list[str]:
    return str(column, "utf-8", "surrogateescape").split("\0")[:-1]
