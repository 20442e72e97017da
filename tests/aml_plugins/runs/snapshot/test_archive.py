"""The zip's corners that no small directory reaches."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from aml_plugins.runs.snapshot.archive import PLAIN, STORED, Member, end_of_archive, local_header, span
from aml_plugins.runs.snapshot.reading import append_bytes


def test_more_members_than_16_bits_count(tmp_path: Path) -> None:
    out = io.BytesIO()
    members = {}
    for number in range(70_000):
        name = b"%06d" % number
        members[name] = append_bytes(out, name, name * 2, PLAIN)
    out.write(end_of_archive(members.items(), out.tell()))
    with zipfile.ZipFile(out) as archive:
        assert len(archive.namelist()) == 70_000
        assert archive.read("069999") == b"069999069999"


def test_members_beyond_32_bits(tmp_path: Path) -> None:
    far = 5 * 2**30
    path = tmp_path / "sparse.zip"
    with path.open("wb") as out:
        out.seek(far)
        member = append_bytes(out, b"far", b"content", PLAIN)
        out.write(end_of_archive([(b"far", member)], out.tell()))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("far").header_offset == far
        assert archive.read("far") == b"content"


def test_a_file_beyond_32_bits(tmp_path: Path) -> None:
    size = 5 * 2**30
    path = tmp_path / "sparse.zip"
    member = Member(PLAIN, size, size, 0, STORED, hashlib.sha256().digest(), 0)
    with path.open("wb") as out:
        out.write(local_header(b"big", member))
        out.seek(span(b"big", member))
        out.write(end_of_archive([(b"big", member)], out.tell()))
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("big").file_size == size
        assert archive.getinfo("big").compress_size == size
        with archive.open("big") as content:
            assert content.read(1000) == bytes(1000)
