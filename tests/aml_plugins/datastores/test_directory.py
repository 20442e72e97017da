"""A directory as a datastore: what goes in comes out, whole."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from pydantic import ValidationError

from aml_plugins.datastores.directory import DirectoryConfig, DirectoryDatastore
from aml_plugins.errors import InvalidInputError, NotFoundError


def test_a_file_comes_back_as_it_was(datastore, source, tmp_path):
    datastore.put(source, "a/b c/ü.bin")
    datastore.get("a/b c/ü.bin", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"content"
    assert datastore.exists("a/b c/ü.bin")


def test_putting_again_replaces(datastore, source):
    datastore.put(source, "a")
    source.write_bytes(b"newer")
    datastore.put(source, "a")
    assert datastore.local_path("a").read_bytes() == b"newer"


def test_a_copy_is_independent_of_its_source(datastore, source):
    datastore.put(source, "a")
    source.write_bytes(b"changed")
    assert datastore.local_path("a").read_bytes() == b"content"


def test_an_immutable_file_is_linked_and_not_copied(datastore, source):
    datastore.put(source, "a", immutable=True)
    assert datastore.local_path("a").samefile(source)
    datastore.put(source, "a", immutable=True)  # both names are the same file now, which rename(2) leaves alone
    assert [path for path, _ in datastore.list()] == ["a"]
    assert len(list(datastore.root.iterdir())) == 1


@pytest.mark.skipif(Path("/dev/shm").stat().st_dev == Path("/tmp").stat().st_dev, reason="needs two file systems")
def test_an_immutable_file_of_another_file_system_is_copied(source, datastore):
    elsewhere = DirectoryDatastore("shm", DirectoryConfig(path=f"/dev/shm/aml-test-{os.getpid()}"))
    try:
        elsewhere.put(source, "a", immutable=True)
        assert elsewhere.local_path("a").read_bytes() == b"content"
        assert not elsewhere.local_path("a").samefile(source)
    finally:
        elsewhere.delete("a")
        elsewhere.root.rmdir()


def test_an_immutable_link_stores_the_file_behind_it(datastore, source, tmp_path):
    (tmp_path / "link").symlink_to(source)
    datastore.put(tmp_path / "link", "a", immutable=True)
    assert not datastore.local_path("a").is_symlink()
    assert datastore.local_path("a").read_bytes() == b"content"


def test_list_is_sorted_by_path_and_knows_sizes(datastore, source):
    for path in ("b", "a/z", "a.b", "a/b/c", "ab"):
        datastore.put(source, path)
    assert list(datastore.list()) == [("a.b", 7), ("a/b/c", 7), ("a/z", 7), ("ab", 7), ("b", 7)]
    assert list(datastore.list("a")) == [("a/b/c", 7), ("a/z", 7)]
    assert list(datastore.list("nothing")) == []


def test_an_empty_datastore_lists_nothing_and_has_nothing(datastore):
    assert list(datastore.list()) == []
    assert not datastore.exists("a")
    assert not datastore.root.exists()


def test_what_is_not_there(datastore, source, tmp_path):
    with pytest.raises(NotFoundError, match="There is no file 'a' in the datastore 'files'"):
        datastore.get("a", tmp_path / "back")
    datastore.put(source, "folder/file")
    assert not datastore.exists("folder")
    with pytest.raises(NotFoundError):
        datastore.get("folder", tmp_path / "back")
    with pytest.raises(NotFoundError, match="Only files can be stored"):
        datastore.put(tmp_path, "b")
    assert not (tmp_path / "back").exists()


def test_delete_twice(datastore, source):
    datastore.put(source, "a/b")
    datastore.delete("a/b")
    datastore.delete("a/b")
    assert not datastore.exists("a/b")


def test_uri_is_what_other_tools_open(datastore, source):
    datastore.put(source, "a b/50%.bin")
    parts = urlsplit(datastore.uri("a b/50%.bin"))
    assert parts.scheme == "file"
    assert Path(url2pathname(parts.path)).read_bytes() == b"content"


@pytest.mark.parametrize("path", ["relative", "./here", "", "with\0zero"])
def test_the_path_of_the_directory_must_be_absolute(path):
    with pytest.raises(ValidationError, match="must be an absolute path"):
        DirectoryConfig(path=path)


def test_the_home_directory_may_be_meant(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert DirectoryConfig(path="~/files").path == str(tmp_path / "files")


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError):
        DirectoryConfig(path="/tmp", account="x")


def test_a_folder_in_the_way_is_said(datastore, source):
    datastore.put(source, "folder/file")
    for path in ("folder", "folder/file/more"):
        with pytest.raises(InvalidInputError, match=f"cannot store '{path}'"):
            datastore.put(source, path)
    assert [path for path, _ in datastore.list()] == ["folder/file"]


def _put_often(path: str, source: str) -> None:
    datastore = DirectoryDatastore("files", DirectoryConfig(path=path))
    for number in range(30):
        file = datastore.root.parent / f"{source}-{number}"
        file.write_bytes(source.encode() * 50_000)
        datastore.put(file, "shared")


def test_processes_that_write_one_path_leave_one_of_them_whole(datastore, tmp_path):
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_put_often, args=(str(datastore.root), word)) for word in ("ab", "cd")]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        if datastore.exists("shared"):
            datastore.get("shared", tmp_path / "seen")
            seen.add((tmp_path / "seen").read_bytes())
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    datastore.get("shared", tmp_path / "seen")
    seen.add((tmp_path / "seen").read_bytes())
    assert seen <= {b"ab" * 50_000, b"cd" * 50_000}
    assert [path for path, _ in datastore.list()] == ["shared"]
    assert len(list(datastore.root.iterdir())) == 1
