"""What goes into a snapshot, what it is called, and what is refused."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot import Snapshot, SnapshotLimits, content_digest, take_snapshot

Take = Callable[[], Snapshot]


def test_everything_arrives_as_it_was(source: Path, take: Take, unpack, picture_of) -> None:
    (source / "train.py").write_text("print(1)")
    (source / "run me.sh").write_text("#!/bin/sh")
    (source / "run me.sh").chmod(0o751)
    (source / "données" / "空").mkdir(parents=True)
    (source / "données" / "π\n.txt").write_bytes(b"\0" * 100_000)
    (source / "big.bin").write_bytes(os.urandom(3_000_000) + bytes(2_000_000))
    (source / "empty.txt").touch()
    snapshot = take()
    assert picture_of(unpack(snapshot)) == picture_of(source)
    assert snapshot.files == 5
    assert snapshot.size == snapshot.path.stat().st_size


def test_a_large_file_is_deflated_only_where_that_makes_it_smaller(source: Path, take: Take) -> None:
    (source / "noise.bin").write_bytes(os.urandom(2_000_000))
    (source / "half.bin").write_bytes(os.urandom(1_500_000) + bytes(500_000))
    (source / "text.txt").write_bytes(b"words and words " * 100_000)
    with zipfile.ZipFile(take().path) as archive:
        methods = {member.filename: member.compress_type for member in archive.infolist()}
        assert archive.testzip() is None
    deflated, stored = zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED
    assert methods == {"noise.bin": stored, "half.bin": deflated, "text.txt": deflated}


def test_info_zip_agrees(source: Path, take: Take, tmp_path: Path, picture_of) -> None:
    (source / "sub").mkdir()
    (source / "sub" / "tool").write_text("x" * 5000)
    (source / "sub" / "tool").chmod(0o755)
    (source / "latest").symlink_to("sub/tool")
    target = tmp_path / "target"
    subprocess.run(["unzip", "-q", take().path, "-d", target], check=True)
    assert picture_of(target) == picture_of(source)


def test_the_digest_is_that_of_the_content_alone(source: Path, take: Take, tmp_path: Path, cache: Path) -> None:
    (source / "a.py").write_text("a")
    (source / "b").mkdir()
    (source / "b" / "c.py").write_text("c" * 1000)
    first = take()
    other = tmp_path / "elsewhere"
    (other / "b").mkdir(parents=True)
    (other / "b" / "c.py").write_text("c" * 1000)
    (other / "a.py").write_text("a")
    (other / "a.py").chmod(0o600)
    os.utime(other / "a.py", (1, 1))
    second = take_snapshot(other, cache=tmp_path / "another cache")
    assert second.digest == first.digest
    assert second.path.read_bytes() == first.path.read_bytes()
    (other / "a.py").chmod(0o700)
    assert take_snapshot(other, cache=cache).digest != first.digest


def test_the_digest_is_documented_well_enough_to_be_computed_by_hand(source: Path, take: Take) -> None:
    (source / "a").write_text("one")
    (source / "b").symlink_to("a")
    one, link = hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"a").hexdigest()
    manifest = f"aml-snapshot 1\x00100644 {one} a\x00120777 {link} b\x00"
    snapshot = take()
    assert snapshot.digest == hashlib.sha256(manifest.encode()).hexdigest() == content_digest(snapshot.path)


def test_content_is_stored_once(source: Path, take: Take, cache: Path, tmp_path: Path) -> None:
    (source / "a").write_text("one")
    first = take()
    inode = first.path.stat().st_ino
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "a").write_text("one")
    assert take_snapshot(tmp_path / "copy", cache=cache).path.stat().st_ino == inode
    assert [path.name for path in cache.glob("*.zip")] == [f"{first.digest}.zip"]


def test_progress_counts_files_and_bytes(source: Path, cache: Path) -> None:
    (source / "a").write_bytes(b"12345")
    (source / "b").write_bytes(b"123")
    seen: list[tuple[int, int]] = []
    take_snapshot(source, cache=cache, progress=lambda files, size: seen.append((files, size)))
    assert seen == [(1, 5), (2, 8)]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("")])
def test_no_directory_no_snapshot(tmp_path: Path, cache: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "it")
    with pytest.raises(InvalidInputError, match=r"'.*it' (does not exist|is not a directory)"):
        take_snapshot(tmp_path / "it", cache=cache)
    assert not cache.exists()


def test_an_empty_snapshot_is_refused(source: Path, take: Take, cache: Path) -> None:
    (source / "folder").mkdir()
    with pytest.raises(InvalidInputError, match="would be empty"):
        take()
    (source / "a.log").touch()
    (source / ".amlignore").write_text("*\n")
    with pytest.raises(InvalidInputError, match="would be empty"):
        take()
    assert not cache.exists()


def test_too_many_bytes_names_the_ten_largest_files(source: Path, cache: Path) -> None:
    for number in range(12):
        (source / f"data{number:02}.bin").write_bytes(bytes(1000 + number))
    with pytest.raises(InvalidInputError, match="AML_SNAPSHOT_MAX_BYTES") as caught:
        take_snapshot(source, cache=cache, limits=SnapshotLimits(max_bytes=5000))
    named = [number for number in range(12) if f"data{number:02}.bin" in str(caught.value)]
    assert named == list(range(2, 12))
    assert "limit of 5,000 bytes" in caught.value.what
    take_snapshot(source, cache=cache, limits=SnapshotLimits(max_bytes=12_066))


def test_too_many_files_names_the_crowded_directories(source: Path, cache: Path) -> None:
    for name, count in (("src/node_modules/x", 9), ("src/lib", 2), ("data", 4)):
        (source / name).mkdir(parents=True)
        for number in range(count):
            (source / name / str(number)).touch()
    with pytest.raises(InvalidInputError, match="15 files, more than the limit of 14") as caught:
        take_snapshot(source, cache=cache, limits=SnapshotLimits(max_files=14))
    assert "'src/node_modules/x/' 9; 'data/' 4; 'src/lib/' 2" in caught.value.what
    assert take_snapshot(source, cache=cache, limits=SnapshotLimits(max_files=15)).files == 15


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, source: Path, take: Take) -> None:
    (source / "a").write_text("123")
    monkeypatch.setenv("AML_SNAPSHOT_MAX_BYTES", "2")
    with pytest.raises(InvalidInputError, match="3 bytes, more than the limit of 2 bytes"):
        take()
    monkeypatch.setenv("AML_SNAPSHOT_MAX_BYTES", "1 GB")
    with pytest.raises(InvalidInputError, match="AML_SNAPSHOT_MAX_BYTES is '1 GB'"):
        take()
    monkeypatch.delenv("AML_SNAPSHOT_MAX_BYTES")
    assert SnapshotLimits.from_environment() == SnapshotLimits(max_bytes=314_572_800, max_files=2000)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root reads everything: be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_unreadable_files_are_all_named() -> None:
    with tempfile.TemporaryDirectory() as name:  # tmp_path is for its owner alone
        base = Path(name)
        source, cache = base / "source", base / "cache"
        for directory, mode in ((base, 0o755), (source, 0o755), (cache, 0o777)):
            directory.mkdir(exist_ok=True)
            directory.chmod(mode)
        (source / "ok").touch()
        (source / "locked").mkdir(mode=0)
        with without_privileges(), pytest.raises(InvalidInputError, match="'locked/' cannot be read"):
            take_snapshot(source, cache=cache)
        (source / "locked").rmdir()
        for unreadable in ("secret", "other"):
            (source / unreadable).touch(mode=0)
        with without_privileges(), pytest.raises(InvalidInputError, match="'other', 'secret' cannot be read"):
            take_snapshot(source, cache=cache)
        assert list(cache.glob("*.zip")) == []
        assert list((cache / "tmp").iterdir()) == []


def test_a_name_that_is_not_utf8_is_refused(source: Path, take: Take) -> None:
    Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9.py")).touch()
    with pytest.raises(InvalidInputError, match=r"The name 'caf\\udce9.py' is not UTF-8"):
        take()
    (source / ".amlignore").write_text("caf*\n")
    assert take().files == 1


def test_what_cannot_travel_stays_with_a_reason(source: Path, take: Take) -> None:
    (source / "a").touch()
    os.mkfifo(source / "pipe")
    (source / "gone").symlink_to("nowhere")
    (source / "null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(source / "socket"))
        first, second = take(), take()
    assert first == second
    assert first.files == 1
    assert [sentence.split("'")[1] for sentence in first.skipped] == ["gone", "null", "pipe", "socket"]
    assert first.skipped[2] == "'pipe' is a named pipe and stays behind."


def test_the_cache_inside_the_directory_does_not_travel(source: Path) -> None:
    (source / "a").touch()
    first = take_snapshot(source, cache=source / "cache")
    assert take_snapshot(source, cache=source / "cache") == first
    assert first.files == 1


def test_a_file_that_is_written_all_the_time_is_named(source: Path, take: Take, cache: Path) -> None:
    (source / "growing.log").write_bytes(os.urandom(30_000_000))
    stop = threading.Event()

    def grow() -> None:
        with (source / "growing.log").open("ab", buffering=0) as file:
            while not stop.wait(0.0005):
                file.write(b"x")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        with pytest.raises(InvalidInputError, match=r"'growing.log' changes while it is read"):
            take()
    finally:
        stop.set()
        writer.join()
    assert list((cache / "tmp").iterdir()) == []
    assert content_digest(take().path) == take().digest


def test_files_that_come_and_go_do_no_harm(source: Path, take: Take, unpack) -> None:
    (source / "train.py").write_text("stays")
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.wait(0.0002):
            number += 1
            (source / f"tmp{number % 7}").write_text("x")
            (source / f"tmp{(number + 3) % 7}").unlink(missing_ok=True)

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        for _ in range(20):
            try:
                snapshot = take()
            except InvalidInputError as error:
                assert "changes while it is read" in error.what  # noqa: PT017  # either outcome is right
            else:
                assert (unpack(snapshot) / "train.py").read_text() == "stays"
    finally:
        stop.set()
        writer.join()


def test_members_carry_nothing_of_this_machine(source: Path, take: Take) -> None:
    (source / "a").touch()
    with zipfile.ZipFile(take().path) as archive:
        (member,) = archive.infolist()
    assert member.date_time == (1980, 1, 1, 0, 0, 0)
    assert stat.filemode(member.external_attr >> 16) == "-rw-r--r--"


def test_no_ignore_file_no_pathspec(source: Path, cache: Path) -> None:
    (source / "a").touch()
    code = (
        "import sys, pathlib; from aml_plugins.runs.snapshot import take_snapshot\n"
        f"take_snapshot(pathlib.Path({str(source)!r}), cache=pathlib.Path({str(cache)!r}))\n"
        "print(sorted({'pathspec', 'zipfile', 'mlflow', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"
