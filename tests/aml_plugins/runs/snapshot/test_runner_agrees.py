"""What the runner makes of the zip, and calls it, is what was submitted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from aml_plugins.runs.runner.unpacking import unpack
from aml_plugins.runs.snapshot import Snapshot


def test_the_runner_unpacks_the_same_tree_and_digest(
    source: Path, take: Callable[[], Snapshot], tmp_path: Path, picture_of
) -> None:
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "sub" / "ü.txt").write_text("x" * 5000)
    (source / "run.sh").touch()
    (source / "run.sh").chmod(0o755)
    (source / "big.bin").write_bytes(os.urandom(2_500_000))
    (source / "latest").symlink_to("sub")
    (source / "sub" / "up").symlink_to("../run.sh")
    snapshot = take()
    target = tmp_path / "target"
    target.mkdir()
    assert unpack(str(snapshot.path), str(target)) == snapshot.digest
    assert picture_of(target) == picture_of(source)
