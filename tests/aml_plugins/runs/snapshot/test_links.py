"""Symbolic links: kept, followed, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot import Snapshot

Take = Callable[[], Snapshot]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    (directory / "deep").mkdir(parents=True)
    (directory / "deep" / "data.csv").write_text("1,2")
    return directory


def test_links_within_stay_links_relative_and_direct(source: Path, take: Take, unpack, picture_of) -> None:
    (source / "v2").mkdir()
    (source / "v2" / "model").write_text("m")
    (source / "latest").symlink_to("v2")
    (source / "alias").symlink_to("latest/model")
    (source / "absolute").symlink_to(source / "v2" / "model")
    (source / "v2" / "up").symlink_to("..")
    found = picture_of(unpack(take()))
    assert found == {
        "v2": ("directory", b""),
        "v2/model": ("file", b"m"),
        "latest": ("link", b"v2"),
        "alias": ("link", b"v2/model"),
        "absolute": ("link", b"v2/model"),
        "v2/up": ("link", b".."),
    }


def test_links_to_the_outside_are_followed(source: Path, outside: Path, take: Take, unpack, picture_of) -> None:
    (source / "data").symlink_to(outside)
    (source / "one.csv").symlink_to(outside / "deep" / "data.csv")
    (outside / "back").symlink_to("deep")
    first = take()
    assert picture_of(unpack(first)) == {
        "data": ("directory", b""),
        "data/deep": ("directory", b""),
        "data/deep/data.csv": ("file", b"1,2"),
        "data/back": ("directory", b""),
        "data/back/data.csv": ("file", b"1,2"),
        "one.csv": ("file", b"1,2"),
    }
    (outside / "deep" / "data.csv").write_text("3,4")
    second = take()
    assert second.digest != first.digest
    assert (unpack(second) / "one.csv").read_text() == "3,4"


def test_a_link_to_what_is_ignored_is_followed(source: Path, take: Take, unpack, picture_of) -> None:
    (source / "big").mkdir()
    (source / "big" / "needed").write_text("n")
    (source / "sample").symlink_to("big/needed")
    (source / ".amlignore").write_text("big/\n")
    assert picture_of(unpack(take()))["sample"] == ("file", b"n")


def test_a_retargeted_link_changes_the_digest(source: Path, take: Take) -> None:
    (source / "a").touch()
    (source / "b").touch()
    (source / "l").symlink_to("a")
    first = take()
    (source / "l").unlink()
    (source / "l").symlink_to("b")
    assert take().digest != first.digest


@pytest.mark.parametrize(
    ("links", "named"),
    [
        ({"source/self": "self"}, "'self' leads back to itself"),
        ({"source/a": "b", "source/b": "a"}, "leads back to itself"),
        ({"source/parent": ".."}, "'parent' leads to"),
        ({"source/out": "../outside", "outside/deep/again": ".."}, "'out/deep/again' leads to"),
        ({"source/out": "../outside", "outside/other": "../third", "third/home": "../outside"}, "leads to"),
    ],
)
@pytest.mark.usefixtures("outside")
def test_circles_are_refused(source: Path, take: Take, tmp_path: Path, links: dict[str, str], named: str) -> None:
    (source / "train.py").touch()
    (tmp_path / "third").mkdir()
    for path, target in links.items():
        (tmp_path / path).symlink_to(target)
    with pytest.raises(InvalidInputError, match=named):
        take()
    names = [Path(path).name for path in links if path.startswith("source/")]
    (source / ".amlignore").write_text("\n".join(names))
    assert take().files == 2
