"""What every datastore type must do, whatever is behind it."""

from __future__ import annotations

import os
import threading

import pytest

from aml_plugins.errors import InvalidInputError, NotFoundError


@pytest.fixture(
    params=[
        "directory",
        "azure-blob",
        "azure-blob-prefix",
        "azure-file-share",
        "azure-file-share-prefix",
        "fsspec-file",
        "fsspec-memory",
        "fsspec-abfs",
    ]
)
def store(request):
    """A datastore of each type, empty."""
    made = request.getfixturevalue("make_datastore")
    return made(request.param)


def test_a_file_comes_back_as_it_was(store, source, tmp_path):
    store.put(source, "a/b c/ü +%.bin")
    store.get("a/b c/ü +%.bin", tmp_path / "new" / "back")
    assert (tmp_path / "new" / "back").read_bytes() == b"content"
    assert store.exists("a/b c/ü +%.bin")
    assert not store.exists("a/b c")
    assert store.facts("a/b c/ü +%.bin").size == 7


def test_an_empty_file_is_a_file(store, tmp_path):
    (tmp_path / "empty").touch()
    store.put(tmp_path / "empty", "empty")
    store.get("empty", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b""
    assert list(store.list()) == [("empty", 0)]


def test_putting_again_replaces(store, source, tmp_path):
    store.put(source, "a")
    source.write_bytes(b"newer and longer")
    store.put(source, "a")
    store.get("a", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"newer and longer"


def test_list_is_sorted_by_path_and_knows_sizes(store, source):
    for path in ("b", "a/z", "a.b", "a/b/c", "ab"):
        store.put(source, path)
    assert list(store.list()) == [("a.b", 7), ("a/b/c", 7), ("a/z", 7), ("ab", 7), ("b", 7)]
    assert list(store.list("a")) == [("a/b/c", 7), ("a/z", 7)]
    assert list(store.list("nothing")) == []


def test_one_level_can_be_seen(store, source):
    for path in ("b", "a/z", "a.b", "a/b/c", "ab/x"):
        store.put(source, path)
    assert sorted(store.children()) == [("a", None), ("a.b", 7), ("ab", None), ("b", 7)]
    assert sorted(store.children("a")) == [("b", None), ("z", 7)]
    assert list(store.children("nothing")) == []


def test_what_is_not_there(store, source, tmp_path):
    for ask in (lambda: store.get("a", tmp_path / "back"), lambda: store.facts("a")):
        with pytest.raises(NotFoundError, match="There is no file 'a' in the datastore 'files'"):
            ask()
    with pytest.raises(NotFoundError, match="Only files can be stored"):
        store.put(tmp_path, "b")
    assert not (tmp_path / "back").exists()
    assert list(store.list()) == []


def test_delete_twice(store, source):
    store.put(source, "a/b")
    store.delete("a/b")
    store.delete("a/b")
    assert not store.exists("a/b")
    assert list(store.list()) == []


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/", "a\0b"])
def test_no_path_leaves_the_root(store, source, tmp_path, path):
    for act in (
        lambda: store.put(source, path),
        lambda: store.get(path, tmp_path / "back"),
        lambda: store.exists(path),
        lambda: list(store.list(path)),
        lambda: store.delete(path),
        lambda: store.uri(path),
    ):
        with pytest.raises(InvalidInputError, match="is no path in a datastore"):
            act()


def test_the_empty_path_is_no_file(store, source):
    with pytest.raises(InvalidInputError, match="needs the path of a file"):
        store.put(source, "")


def test_a_directory_goes_and_comes_back(store, tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep" / "er").mkdir(parents=True)
    for number in range(20):
        (folder / "deep" / f"{number}.txt").write_text(f"file {number}")
    (folder / "deep" / "er" / "big").write_bytes(os.urandom(3 << 20))
    (folder / "link").symlink_to("/etc/passwd")
    seen = []
    sent = store.upload(folder, "data", progress=seen.append)
    assert (sent.files, sent.bytes_done) == (21, sent.bytes)
    assert seen[-1].bytes_done == seen[-1].bytes
    assert [path for path, _ in store.list()] == sorted(
        f"data/deep/{name}" for name in [*map("{}.txt".format, range(20)), "er/big"]
    )
    store.download("data", tmp_path / "back")
    assert (tmp_path / "back" / "deep" / "er" / "big").read_bytes() == (folder / "deep" / "er" / "big").read_bytes()
    assert (tmp_path / "back" / "deep" / "7.txt").read_text() == "file 7"
    assert not (tmp_path / "back" / "link").exists()


def test_a_file_goes_into_a_folder_and_under_a_name(store, source, tmp_path):
    store.upload(source)
    store.upload(source, "folder/")
    store.upload(source, "folder/name")
    assert [path for path, _ in store.list()] == ["folder/name", "folder/source.bin", "source.bin"]
    store.download("folder/name", tmp_path)
    store.download("folder/name", tmp_path / "other" / "name.bin")
    assert (tmp_path / "name").read_bytes() == (tmp_path / "other" / "name.bin").read_bytes() == b"content"


def test_what_differs_is_not_overwritten_where_that_is_not_wanted(store, source, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(b"new")
    (folder / "b").write_bytes(b"theirs")
    store.put(folder / "b", "data/b")
    (folder / "b").write_bytes(b"ours!!")
    with pytest.raises(InvalidInputError, match=r"'data/b' is in the datastore 'files' already, with other content"):
        store.upload(folder, "data", overwrite=False)
    assert not store.exists("data/a")


def test_nothing_to_transfer_is_said(store, tmp_path):
    with pytest.raises(NotFoundError, match="There is neither a file nor a folder 'nothing'"):
        store.download("nothing", tmp_path / "back")
    with pytest.raises(NotFoundError, match="There is no file or directory"):
        store.upload(tmp_path / "nothing")


def test_threads_share_a_datastore(store, tmp_path):
    def work(number: int) -> None:
        file = tmp_path / f"in-{number}"
        file.write_bytes(bytes([number]) * 1000)
        store.put(file, f"t/{number}")
        store.get(f"t/{number}", tmp_path / f"out-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(tmp_path / f"out-{number}").read_bytes() for number in range(8)] == [bytes([n]) * 1000 for n in range(8)]


def test_check_says_that_it_answers(store):
    assert "answers" in store.check()
