from __future__ import annotations

import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aml_plugins.compute.runner_bundle import runner_file


def test_the_archive_is_built_once(tmp_path: Path) -> None:
    first = runner_file(tmp_path)
    before = first.stat()
    assert runner_file(tmp_path) == first
    assert first.stat() == before


def test_the_archive_is_the_same_everywhere(tmp_path: Path) -> None:
    one, two = runner_file(tmp_path / "one"), runner_file(tmp_path / "two")
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()


def test_many_builders_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: runner_file(tmp_path), range(8)))
    assert len(paths) == 1
    assert [path.name for path in (tmp_path / "runner").iterdir()] == [paths.pop().name]


def test_sources_and_byte_code_lie_side_by_side(tmp_path: Path) -> None:
    with zipfile.ZipFile(runner_file(tmp_path)) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    assert {"__main__.py", "aml_runner/main.py", "aml_runner/main.pyc", "script_api.zip"} <= names
