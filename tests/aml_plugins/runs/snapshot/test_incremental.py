"""The second snapshot of a directory equals the first one of its copy, and reads only what changed."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from aml_plugins.runs.snapshot import Snapshot, content_digest, take_snapshot
from aml_plugins.runs.snapshot.cache import Cache
from aml_plugins.runs.snapshot.index import load_index, save_index
from aml_plugins.runs.snapshot.walking import fingerprint

Take = Callable[[], Snapshot]
SETTLED = 2.1

names = st.text(st.sampled_from("ab.é -"), min_size=1, max_size=3).filter(lambda name: name not in {".", ".."})
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
contents = st.one_of(
    st.binary(max_size=40), st.integers(0, 5000).map(lambda size: random.Random(size).randbytes(size) * 3)
)
edits = st.lists(st.tuples(paths, st.one_of(contents, st.sampled_from(["delete", "toggle", "folder"]))), max_size=8)


def apply(root: Path, changes: list[tuple[str, bytes | str]]) -> None:
    for name, change in changes:
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(change, bytes):
                path.write_bytes(change)
            elif change == "folder":
                path.mkdir(exist_ok=True)
            elif change == "toggle":
                path.chmod(path.stat().st_mode ^ 0o100)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        except (FileExistsError, NotADirectoryError, IsADirectoryError, FileNotFoundError):
            continue
    for directory, _folders, _files in os.walk(root):
        Path(directory).chmod(0o755)


@settings(max_examples=60, deadline=None)
@given(start=edits, rounds=st.lists(edits, max_size=3), age=st.booleans())
def test_incremental_equals_fresh(start, rounds, age) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        root = base / "root"
        root.mkdir()
        (root / "always").write_text("here")
        apply(root, start)
        for number, changes in enumerate([[], *rounds]):
            apply(root, changes)
            snapshot = take_snapshot(root, cache=base / "cache")
            if age:
                pretend_settled(base / "cache", root)
            fresh = take_snapshot(root, cache=base / f"fresh{number}")
            assert snapshot.digest == fresh.digest == content_digest(snapshot.path)
            assert snapshot.path.read_bytes() == fresh.path.read_bytes()
            assert snapshot.files == fresh.files


def pretend_settled(cache: Path, root: Path) -> None:
    """Let the index believe that every file has been at rest: what waiting two seconds would do."""
    index = load_index(Cache(cache), os.path.realpath(root))
    assert index is not None
    index.files = {path: fingerprint((root / path).stat()) for path in index.files}
    save_index(Cache(cache), index)


@settings(max_examples=40, deadline=None)
@given(changes=edits)
def test_unpacking_gives_the_tree_back(changes, unpack_zip, picture_of) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "root").mkdir()
        (base / "root" / "always").write_text("here")
        apply(base / "root", changes)
        unpack_zip(take_snapshot(base / "root", cache=base / "cache").path, base / "target")
        assert picture_of(base / "target") == picture_of(base / "root")


def test_only_what_changed_is_read(source: Path, take: Take, opened) -> None:
    for name in ("a", "b", "c"):
        (source / name).write_text(name * 100)
    time.sleep(SETTLED)
    first = take()
    with opened() as files:
        assert take() == first
    assert not [name for name in files if name.startswith(f"{source}/") and "ignore" not in name]
    (source / "b").write_text("B" * 100)
    with opened() as files:
        second = take()
    assert {name for name in files if name.startswith(f"{source}/") and "ignore" not in name} == {str(source / "b")}
    assert content_digest(second.path) == second.digest != first.digest


def test_a_file_just_written_is_read_again(source: Path, take: Take, opened) -> None:
    (source / "a").write_text("fresh")
    first = take()
    with opened() as files:
        assert take() == first
    assert str(source / "a") in files
    time.sleep(SETTLED)
    take()
    with opened() as files:
        assert take() == first
    assert str(source / "a") not in files


def test_a_change_in_the_same_instant_is_seen(source: Path, take: Take) -> None:
    path = source / "a"
    for number in range(50):
        path.write_text(f"{number:04}")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        snapshot = take()
        with zipfile.ZipFile(snapshot.path) as archive:
            assert archive.read("a") == f"{number:04}".encode()


def test_a_touched_tree_makes_no_second_zip(source: Path, take: Take, cache: Path) -> None:
    (source / "a").write_text("x")
    first = take()
    inode = first.path.stat().st_ino
    os.utime(source / "a")
    assert take() == first
    assert first.path.stat().st_ino == inode
    assert len(list(cache.glob("*.zip"))) == 1


def test_a_zip_that_was_removed_is_made_again(source: Path, take: Take) -> None:
    (source / "a").write_text("x")
    first = take()
    first.path.unlink()
    assert take() == first
    assert content_digest(first.path) == first.digest


def test_a_zip_that_was_replaced_is_not_trusted(source: Path, take: Take) -> None:
    (source / "a").write_text("x")
    first = take()
    first.path.write_bytes(b"PK something else")
    assert take() == first
    assert content_digest(first.path) == first.digest


def test_a_hard_link_to_the_zip_changes_nothing(source: Path, take: Take, tmp_path: Path, opened) -> None:
    (source / "a").write_text("x")
    time.sleep(SETTLED)
    first = take()
    os.link(first.path, tmp_path / "staged.zip")
    with opened() as files:
        assert take() == first
    assert str(source / "a") not in files


@settings(max_examples=60, deadline=None)
@given(damage=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3), cut=st.integers(0, 600))
def test_a_damaged_index_is_ignored(damage, cut) -> None:
    with tempfile.TemporaryDirectory() as name:
        root, cache = Path(name, "root"), Path(name, "cache")
        root.mkdir()
        (root / "a").write_text("x")
        first = take_snapshot(root, cache=cache)
        (index,) = (cache / "index").iterdir()
        content = bytearray(index.read_bytes())
        for place, value in damage:
            content[place % len(content)] = value
        index.write_bytes(content[: max(0, len(content) - cut)])
        (root / "a").write_text("y")
        second = take_snapshot(root, cache=cache)
        assert second.digest == content_digest(second.path) != first.digest


def test_another_directorys_index_is_ignored(source: Path, take: Take, cache: Path, tmp_path: Path) -> None:
    (source / "a").write_text("x")
    take()
    (index,) = (cache / "index").iterdir()
    foreign = index.read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    (other / "a").write_text("y")
    wanted = take_snapshot(other, cache=cache)
    for path in (cache / "index").iterdir():
        path.write_bytes(foreign)
    assert take_snapshot(other, cache=cache) == wanted
