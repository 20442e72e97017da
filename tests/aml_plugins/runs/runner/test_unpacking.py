from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aml_plugins.runs.runner.errors import JobError
from aml_plugins.runs.runner.unpacking import unpack
from aml_plugins.runs.snapshot import content_digest

LINK = stat.S_IFLNK | 0o777
FILE = stat.S_IFREG | 0o644
EXECUTABLE = stat.S_IFREG | 0o755

Member = tuple[str, bytes, int]


def make(path: Path, members: list[Member], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content, mode in members:
            info = zipfile.ZipInfo(name)
            info.filename = name  # as it is, whatever the constructor thinks of it
            info.external_attr = mode << 16
            info.compress_type = compression
            archive.writestr(info, content)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "inside" / "root"
    root.mkdir(parents=True)
    return root


def test_files_directories_links_and_bits(tmp_path: Path, root: Path) -> None:
    members = [
        ("empty/", b"", stat.S_IFDIR | 0o755),
        ("a/run.sh", b"#!/bin/sh", EXECUTABLE),
        ("a/größe 日本.txt", b"text", FILE),
        ("link", b"a/run.sh", LINK),
        ("b/up", b"../a", LINK),
        ("back\\slash", b"", FILE),
    ]
    archive = make(tmp_path / "s.zip", members)
    assert unpack(str(archive), str(root)) == content_digest(archive)
    assert (root / "empty").is_dir()
    assert os.access(root / "a" / "run.sh", os.X_OK)
    assert not (root / "a" / "größe 日本.txt").stat().st_mode & 0o111
    assert (root / "link").readlink() == Path("a/run.sh")
    assert (root / "b" / "up" / "run.sh").read_bytes() == b"#!/bin/sh"
    assert (root / "back\\slash").is_file()


ESCAPES: dict[str, list[Member]] = {
    "parent": [("../evil", b"x", FILE)],
    "deep parent": [("a/../../evil", b"x", FILE)],
    "absolute": [("/tmp/aml-evil", b"x", FILE)],
    "directory above": [("../evil/", b"", stat.S_IFDIR | 0o755)],
    "dot": [("./evil", b"x", FILE)],
    "two slashes": [("a//evil", b"x", FILE)],
    "link to above": [("l", b"../..", LINK)],
    "absolute link": [("l", b"/etc", LINK)],
    "absolute link inside a folder": [("a/l", b"/etc/hostname", LINK)],
    "through a link": [("l", b".", LINK), ("l/evil", b"x", FILE)],
    "chain of harmless links": [("d/up", b"..", LINK), ("d/out", b"up/..", LINK)],
    "empty link": [("l", b"", LINK)],
    "link in place of a file": [("f", b"x", FILE), ("f", b"g", LINK)],
    "twice": [("f", b"x", FILE), ("f", b"y", FILE)],
    "file and directory": [("f", b"x", FILE), ("f/g", b"y", FILE)],
    "directory and file": [("f/g", b"y", FILE), ("f", b"x", FILE)],
    "huge link": [("l", b"x" * 5000, LINK)],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("members", ESCAPES.values(), ids=ESCAPES)
def test_what_leaves_the_directory_is_refused(tmp_path: Path, root: Path, members: list[Member]) -> None:
    archive = make(tmp_path / "s.zip", members)
    with pytest.raises(JobError):
        unpack(str(archive), str(root))
    assert not (root / "evil").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "s.zip"]
    assert [path.name for path in (tmp_path / "inside").iterdir()] == ["root"]
    assert not Path("/tmp/aml-evil").exists()


def test_a_changed_byte_is_noticed(tmp_path: Path, root: Path) -> None:
    archive = make(tmp_path / "s.zip", [("f", b"content" * 100, FILE)], zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    data[data.index(b"content")] ^= 1
    archive.write_bytes(data)
    with pytest.raises(JobError, match="damaged"):
        unpack(str(archive), str(root))


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive(tmp_path: Path, root: Path, content: bytes) -> None:
    (tmp_path / "s.zip").write_bytes(content)
    with pytest.raises(JobError):
        unpack(str(tmp_path / "s.zip"), str(root))


def test_more_content_than_declared_is_refused(tmp_path: Path, root: Path) -> None:
    archive = make(tmp_path / "s.zip", [("bomb", bytes(10_000_000), FILE)])
    data = archive.read_bytes().replace((10_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive.write_bytes(data)
    with pytest.raises(JobError):
        unpack(str(archive), str(root))
    assert (root / "bomb").stat().st_size <= 10


def test_zip64(tmp_path: Path, root: Path) -> None:
    """More members than the classic format counts, and sizes in the extra field."""
    path = tmp_path / "s.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(66_000):
            archive.writestr(f"{number}/" if number else "first.txt", b"" if number else b"x")
        with archive.open(zipfile.ZipInfo("big.txt"), "w", force_zip64=True) as member:
            member.write(b"content")
    assert unpack(str(path), str(root)) == content_digest(path)
    assert (root / "big.txt").read_bytes() == b"content"
    assert len(list(root.iterdir())) == 66_001


def test_a_file_larger_than_a_block(tmp_path: Path, root: Path) -> None:
    content = os.urandom(3_000_000) + bytes(3_000_000)
    archive = make(tmp_path / "s.zip", [("big", content, FILE)])
    assert unpack(str(archive), str(root)) == content_digest(archive)
    assert (root / "big").read_bytes() == content


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20).filter(
    lambda name: name not in {".", ".."} and len(name.encode()) < 200
)


@given(
    files=st.dictionaries(NAMES, st.binary(max_size=2000), max_size=8),
    compression=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_archive_is_read_as_zipfile_reads_it(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], compression: int
) -> None:
    directory = tmp_path_factory.mktemp("any")
    (directory / "root").mkdir()
    archive = make(directory / "s.zip", [(name, content, FILE) for name, content in files.items()], compression)
    assert unpack(str(archive), str(directory / "root")) == content_digest(archive)
    assert {path.name: path.read_bytes() for path in (directory / "root").iterdir()} == files
