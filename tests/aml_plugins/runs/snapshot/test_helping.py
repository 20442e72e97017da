"""A snapshot for which a second process reads a part is the one that a single process takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot import content_digest, take_snapshot
from aml_plugins.runs.snapshot import helping as helping_module


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    for number in range(60):
        path = directory / f"part{number % 7}" / f"größe_{number:02}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"{number} ".encode() * (number * 40))
    (directory / "part6" / "run.sh").write_text("#!/bin/sh\n")
    (directory / "part6" / "run.sh").chmod(0o755)
    return directory


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let a helper be worth its while for a few files; return how many it was given each time."""
    given: list[int] = []
    original = helping_module.Helper.__init__

    def counting(self: helping_module.Helper, cache: object, tree: object, paths: list[str], stack: object) -> None:
        given.append(len(paths))
        original(self, cache, tree, paths, stack)  # type: ignore[arg-type]

    monkeypatch.setattr(helping_module, "START_COST", 0)
    monkeypatch.setattr(helping_module, "WORTH", 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(helping_module.Helper, "__init__", counting)
    return given


def alone(source: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    with monkeypatch.context() as patch:
        patch.setattr(helping_module, "WORTH", 10**12)
        return take_snapshot(source, cache=cache).path.read_bytes()


def test_half_of_it_is_the_helpers_and_the_zip_is_the_same(
    source: Path, tmp_path: Path, helped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take_snapshot(source, cache=tmp_path / "with")

    assert helped
    assert 15 < helped[0] < 45
    assert content_digest(taken.path) == taken.digest
    assert len(taken.path.read_bytes()) == len(alone(source, tmp_path / "without", monkeypatch))
    assert not list((tmp_path / "with" / "tmp").iterdir())


def test_what_the_helper_read_is_known_afterwards(source: Path, tmp_path: Path, helped: list[int]) -> None:
    for path in source.rglob("*.*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    first = take_snapshot(source, cache=tmp_path / "cache")
    (source / "part3" / "new.txt").write_text("new")
    second = take_snapshot(source, cache=tmp_path / "cache")

    assert len(helped) == 1  # of a directory that is known, only what is new is read
    assert first.digest != second.digest
    assert content_digest(second.path) == second.digest
    assert second.files == first.files + 1


def test_a_helper_that_fails_is_made_up_for(
    source: Path, tmp_path: Path, helped: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = take_snapshot(source, cache=tmp_path / "good").digest
    monkeypatch.setattr(sys, "executable", "/bin/false")
    taken = take_snapshot(source, cache=tmp_path / "bad")

    assert len(helped) == 2
    assert taken.digest == expected == content_digest(taken.path)


def test_a_file_that_the_helper_cannot_read_is_named(source: Path, tmp_path: Path, helped: list[int]) -> None:
    victim = source / "part6" / "unreadable.txt"
    victim.write_text("secret")
    victim.chmod(0)
    if os.access(victim, os.R_OK):  # root reads everything: a name that vanishes will do
        victim.unlink()
        victim.symlink_to("/nowhere-at-all")
        assert take_snapshot(source, cache=tmp_path / "cache").skipped
        return
    with pytest.raises(InvalidInputError, match=r"unreadable\.txt"):
        take_snapshot(source, cache=tmp_path / "cache")
    assert helped


def test_links_in_its_share_leave_all_to_one_process(source: Path, tmp_path: Path, helped: list[int]) -> None:
    (source / "part6" / "zz").symlink_to("run.sh")
    taken = take_snapshot(source, cache=tmp_path / "cache")
    assert not helped
    assert content_digest(taken.path) == taken.digest


def test_progress_ends_with_everything(source: Path, tmp_path: Path, helped: list[int]) -> None:
    seen: list[tuple[int, int]] = []
    taken = take_snapshot(source, cache=tmp_path / "cache", progress=lambda *done: seen.append(done))
    assert helped
    assert seen[-1] == (taken.files, sum(path.stat().st_size for path in source.rglob("*.*")))
