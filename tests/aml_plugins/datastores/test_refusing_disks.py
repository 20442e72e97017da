"""A disk that is full, and one that forbids: a sentence, and nothing half-done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARE = """
import json, os, sys
from pathlib import Path
from aml_plugins.datastores.directory import DirectoryConfig, DirectoryDatastore
from aml_plugins.errors import AmlError
if os.environ.get("AS_NOBODY"):
    os.setuid(65534)  # for root nothing is forbidden
root = Path(sys.argv[1])
datastore = DirectoryDatastore("files", DirectoryConfig(path=str(root)))
def attempt(act):
    try:
        act()
    except AmlError as error:
        return [error.code, error.what, error.fix]
"""
FULL = f"""{SHARE}
big = Path(sys.argv[2])
before = attempt(lambda: datastore.put(big.with_name("small"), "a/file"))
full = attempt(lambda: datastore.put(big, "a/file"))
print(json.dumps([before, full, list(datastore.list()), os.listdir(root / "a")]))
"""
FORBIDDEN = f"""{SHARE}
file = Path(sys.argv[2])
print(json.dumps([
    attempt(lambda: datastore.put(file, "closed/new")),
    attempt(lambda: datastore.get("closed/file", file.with_name("back"))),
    attempt(lambda: list(datastore.list())),
    attempt(lambda: datastore.delete("closed/file")),
]))
"""


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that other users may enter, as pytest's own may not."""
    directory = Path(tempfile.mkdtemp(prefix="aml-test-"))
    directory.chmod(0o755)
    yield directory
    (directory / "root" / "closed").chmod(0o755)
    shutil.rmtree(directory)


def test_a_full_disk_leaves_the_old_file_and_no_part_of_the_new_one(tmp_path):
    (tmp_path / "small").write_bytes(b"x" * 1000)
    (tmp_path / "big").write_bytes(b"x" * 500_000)
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=128k tmpfs "$1" && exec "$2" -c "$3" "$1/root" "$4"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    arguments = [str(tmp_path / "disk"), sys.executable, FULL, str(tmp_path / "big")]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"A small file system cannot be mounted here: {done.stderr.strip()}")
    before, (code, what, fix), files, names = json.loads(done.stdout)
    assert before is None
    assert code == "store"
    assert what == "The datastore 'files' cannot store 'a/file': No space left on device."
    assert fix.startswith("Free some space")
    assert files == [["a/file", 1000]]
    assert names == ["file"]


def test_what_is_forbidden_is_said_with_the_path(public_directory):
    closed = public_directory / "root" / "closed"
    closed.mkdir(parents=True)
    for file in (closed / "file", public_directory / "new"):
        file.write_bytes(b"x")
        file.chmod(0o644)
    closed.chmod(0o000)
    variables = os.environ | ({"AS_NOBODY": "1"} if os.geteuid() == 0 else {})
    arguments = [str(public_directory / "root"), str(public_directory / "new")]
    done = subprocess.run(
        [sys.executable, "-c", FORBIDDEN, *arguments], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert [answer[0] for answer in answers] == ["permission_denied"] * 4
    assert all("'files'" in answer[1] and "Permission denied" in answer[1] for answer in answers)
