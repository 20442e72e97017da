"""Deleting a job's directory: begun by one process and killed, it is ended by the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from aml_plugins.compute.job_files import delete_directory


def full(directory: Path) -> Path:
    (directory / "work").mkdir(parents=True)
    (directory / "work" / "script.py").write_text("pass")
    return directory


@pytest.mark.parametrize("there", [(), ("job",), (".job.deleted",), ("job", ".job.deleted")])
def test_nothing_is_left_whatever_a_killed_process_left(tmp_path: Path, there: tuple[str, ...]) -> None:
    for name in there:
        full(tmp_path / name)
    delete_directory(tmp_path / "job")

    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_deleted_says_why_and_stays(tmp_path: Path) -> None:
    job = full(tmp_path / ("j" * 250))  # its name with ".deleted" is longer than a file system takes
    with pytest.raises(OSError, match="too long"):
        delete_directory(job)

    assert (job / "work" / "script.py").exists()


def test_what_links_lead_to_stays(tmp_path: Path) -> None:
    job, outside = full(tmp_path / "job"), full(tmp_path / "outside")
    (job / "work" / "link").symlink_to(outside)
    (job / "work" / "nowhere").symlink_to("nothing")
    (job / "outputs" / "deep" / "deeper").mkdir(parents=True)
    delete_directory(job)

    assert [path.name for path in tmp_path.rglob("*")] == ["outside", "work", "script.py"]


def test_directories_that_may_not_be_written_to_are_deleted(tmp_path: Path) -> None:
    job = full(tmp_path / "job")
    (job / "work").chmod(0o500)  # for an administrator it is as any other
    delete_directory(job)

    assert list(tmp_path.iterdir()) == []
