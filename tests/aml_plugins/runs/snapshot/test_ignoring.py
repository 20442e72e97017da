"""Ignore files: which one counts, and git's own opinion as the yardstick."""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot import Snapshot, take_snapshot

Take = Callable[[], Snapshot]
NAMES = ("a", "b.py", "c.log", "d e", "#f", "!g", "ü")
FILES = [f"{first}/{name}" for first in ("x", "y.d", "x/z") for name in NAMES] + list(NAMES)
PIECES = st.sampled_from(
    ["a", "b.py", "*.log", "*", "**", "x", "y.d", "z", "d e", "?", "[ab]*", r"\#f", r"\!g", "ü", "#f"]
)


def names_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def fill(root: Path, names: list[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_amlignore_wins_and_is_not_merged(source: Path, take: Take) -> None:
    fill(source, ["a", "b", "sub/c"])
    (source / ".gitignore").write_text("a\n")
    assert names_in(take().path) == {".gitignore", "b", "sub/c"}
    (source / ".amlignore").write_text("b\n")
    assert names_in(take().path) == {".amlignore", ".gitignore", "a", "sub/c"}
    (source / ".amlignore").write_text("")
    assert names_in(take().path) == {".amlignore", ".gitignore", "a", "b", "sub/c"}


def test_ignore_files_further_down_do_nothing(source: Path, take: Take) -> None:
    fill(source, ["sub/a"])
    (source / "sub" / ".gitignore").write_text("*\n")
    assert names_in(take().path) == {"sub/.gitignore", "sub/a"}


def test_only_git_stays_behind_unasked_and_always(source: Path, take: Take) -> None:
    fill(source, ["a", ".git/config", "sub/.git", "outputs/x", "__pycache__/a.pyc", ".aml/local.runconfig"])
    assert names_in(take().path) == {"a", "outputs/x", "__pycache__/a.pyc", ".aml/local.runconfig"}
    (source / ".amlignore").write_text("outputs\n!.git\n!*\n")
    assert names_in(take().path) == {"a", "outputs/x", "__pycache__/a.pyc", ".aml/local.runconfig", ".amlignore"}


def test_a_verdict_is_forgotten_with_its_rule(source: Path, take: Take) -> None:
    fill(source, ["a", "b"])
    (source / ".amlignore").write_text("a\n")
    assert names_in(take().path) == {".amlignore", "b"}
    (source / ".amlignore").write_text("b\n")
    assert names_in(take().path) == {".amlignore", "a"}


def test_a_file_that_becomes_a_directory_is_judged_anew(source: Path, take: Take) -> None:
    fill(source, ["keep", "data"])
    (source / ".amlignore").write_text("data/\n")
    assert "data" in names_in(take().path)
    (source / "data").unlink()
    fill(source, ["data/x"])
    assert names_in(take().path) == {".amlignore", "keep"}


def test_a_broken_ignore_file_is_named(source: Path, take: Take) -> None:
    fill(source, ["a"])
    (source / ".amlignore").write_bytes(b"\xff\xfea\0")
    with pytest.raises(InvalidInputError, match=r"The ignore file '\.amlignore' is not UTF-8"):
        take()
    (source / ".amlignore").unlink()
    (source / ".amlignore").mkdir()
    with pytest.raises(InvalidInputError, match=r"The ignore file '\.amlignore' cannot be read: Is a directory"):
        take()


lines = st.builds(
    lambda no, anchor, pieces, end: no + anchor + "/".join(pieces) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/*", "/**", " "]),
)


def git_lists(root: Path) -> set[str]:
    subprocess.run(["git", "init", "-q", root], check=True)
    command = ["git", "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"]
    return set(subprocess.check_output(command, cwd=root).decode().split("\0")[:-1])


@settings(max_examples=100, deadline=None)
@given(rules=st.lists(lines, min_size=1, max_size=5))
@example(rules=["*", "!*/", "!*.py"])
@example(rules=["b.py", "!x/"])
@example(rules=["x/", "!x/a"])
@example(rules=["x/**", "!x/a"])
@example(rules=["x/*", "!x/z", "x/z/*", "!x/z/a"])
@example(rules=["/*", "!/x", "/x/*", "!/x/z/"])
@example(rules=["**/z/a", "a/**/b", "x/***/a", "x**"])
@example(rules=["a\r", "# a", "", "/", "!", "b.py\\ ", "c.log   "])
@example(rules=["[[:alpha:]]", "[!a-c]*", "[]a]", "[a", "\\", "[z-a]", "[^/]", "d[[:space:]]e", "[[:nonsense:]]"])
@example(rules=["x[/]a", "x?z", "*/a"])
def test_git_agrees(rules: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name, "root")
        fill(root, FILES)
        (root / ".gitignore").write_bytes("\n".join(rules).encode())
        listed = git_lists(root)
        try:
            found = names_in(take_snapshot(root, cache=Path(name, "cache")).path)
        except InvalidInputError:
            found = set()
        assert found == listed
