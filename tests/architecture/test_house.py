"""Rules of the house that no other tool checks."""

from __future__ import annotations

import re
from pathlib import Path

LONGEST = 400
GENERATED = {"aml_plugins/rest_types.py"}  # one module to import from; nobody reads or edits it from top to bottom
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}
# Put together from pieces, so that this file does not name what it looks for.
HOSTS = re.compile(
    "|".join((r"pypi\.\w+", r"python" + r"hosted\.org", r"ana" + r"conda\.org", r"conda\.io", r"npm" + r"js"))
)
HOMES = re.compile(r"/(?:" + r"root/(?=[.]|venv|work|src)|Users/\w+/|home/(?!me\b|user\b)\w+/)")


def text_of(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def found(pattern: re.Pattern[str], files: list[Path], root: Path) -> list[str]:
    return [
        f"{file.relative_to(root)}:{number}: {line.strip()[:100]}"
        for file in files
        for number, line in enumerate(text_of(file).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_source_file_is_longer_than_anybody_wants_to_read(tracked_files, root):
    sources = {file.relative_to(root).as_posix(): file for file in tracked_files if file.suffix == ".py"}
    lines = {name: text_of(file).count("\n") for name, file in sources.items() if name not in GENERATED}
    assert lines
    assert not {name: count for name, count in lines.items() if count > LONGEST}


def test_nothing_has_a_name_that_says_nothing(tracked_files, root):
    names = {part.removesuffix(".py") for file in tracked_files for part in file.relative_to(root).parts}
    assert not names & VAGUE


def test_no_package_host_is_written_down(tracked_files, root):
    assert found(HOSTS, tracked_files, root) == []


def test_no_home_directory_of_anybody_is_written_down(tracked_files, root):
    checkout = re.compile(f"{HOMES.pattern}|{re.escape(str(root))}")
    assert found(checkout, tracked_files, root) == []


def test_folders_that_are_no_packages_have_no_init_file(root):
    for folder in ("compute_backends", "providers", "dags", "tests"):
        assert not (root / folder / "__init__.py").exists()


def test_the_rules_above_would_find_what_they_look_for():
    for host in ("py" + "pi.org", "files.python" + "hosted.org", "conda.ana" + "conda.org"):
        assert HOSTS.search(f"https://{host}/simple")
    for home in ("/ro" + "ot/.cache", "/home/" + "alice/x"):
        assert HOMES.search(home)
    assert not HOMES.search("/home/me/x /the/root/of/a/tree")
