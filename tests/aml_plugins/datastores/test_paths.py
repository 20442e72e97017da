"""No path leaves the root of a datastore."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aml_plugins.datastores.paths import inside, relative_path
from aml_plugins.errors import InvalidInputError

OUTSIDE = ["..", "../x", "a/../../x", "a/..", "/etc/passwd", "//x", "a//b", "./a", "a/.", "a/", "a\0b"]


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_method_follows_a_path_that_leaves(datastore, source, tmp_path, path):
    (tmp_path / "x").write_bytes(b"secret")
    for act in (
        lambda: datastore.put(source, path),
        lambda: datastore.get(path, tmp_path / "back"),
        lambda: datastore.exists(path),
        lambda: list(datastore.list(path)),
        lambda: datastore.delete(path),
        lambda: datastore.local_path(path),
        lambda: datastore.uri(path),
    ):
        with pytest.raises(InvalidInputError, match="is no path in a datastore"):
            act()
    assert (tmp_path / "x").read_bytes() == b"secret"
    assert not (tmp_path / "back").exists()


def test_the_empty_path_is_no_file(datastore, source):
    with pytest.raises(InvalidInputError, match="needs the path of a file"):
        datastore.put(source, "")


@pytest.mark.parametrize("path", ["link", "link/secret", "link/new"])
def test_links_that_lead_out_are_refused(datastore, source, tmp_path, path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    datastore.root.mkdir()
    (datastore.root / "link").symlink_to(outside)
    for act in (
        lambda: datastore.put(source, path),
        lambda: datastore.get(path, tmp_path / "back"),
        lambda: datastore.exists(path),
        lambda: datastore.delete(path),
        lambda: datastore.local_path(path),
        lambda: list(datastore.list(path)),
    ):
        with pytest.raises(InvalidInputError, match="through a symbolic link"):
            act()
    assert [file.name for file in outside.iterdir()] == ["secret"]
    assert list(datastore.list()) == []


def test_a_link_that_stays_inside_is_followed(datastore, source, tmp_path):
    datastore.put(source, "versions/1/model")
    (datastore.root / "current").symlink_to("versions/1")
    datastore.get("current/model", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"content"


def test_a_loop_of_links_is_refused(datastore):
    datastore.root.mkdir()
    (datastore.root / "loop").symlink_to("loop")
    with pytest.raises(InvalidInputError):
        datastore.exists("loop/x")


def test_the_root_itself_may_be_a_link(datastore, source, tmp_path):
    (tmp_path / "disk").mkdir()
    datastore.root.symlink_to(tmp_path / "disk")
    datastore.put(source, "a")
    assert (tmp_path / "disk" / "a").read_bytes() == b"content"


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b", "/", "~", "a b"]), max_size=6))
def test_whatever_is_accepted_stays_below_the_root(parts):
    path = "/".join(parts)
    try:
        accepted = relative_path(path)
    except InvalidInputError:
        return
    assert not accepted.is_absolute()
    assert ".." not in accepted.parts
    assert accepted == PurePosixPath(path)


def test_inside_needs_nothing_to_exist(tmp_path):
    assert inside(tmp_path / "not" / "there", "a/b") == tmp_path / "not" / "there" / "a" / "b"
