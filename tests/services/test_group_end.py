"""A service of a group of tests ends with the group's last test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = """\
import sys
from pathlib import Path

import pytest

HAPPENED = Path(__file__).with_name("happened.txt")

@pytest.fixture(scope="session")
def livy():
    happens("begin")
    yield "it"
    happens("end")

@pytest.fixture
def client(livy):
    return livy

def happens(what):
    with HAPPENED.open("a") as file:
        print(what, file=file)

@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("number", [1, 2])
def test_with(client, number):
    happens("with")

@pytest.mark.xdist_group("spark")
def test_of_the_group_without():
    happens("with")

@pytest.mark.parametrize("number", [1, 2])
def test_without(number):
    happens("without")
"""


def test_it_ends_before_the_next_group(tmp_path):
    services = str(Path(__file__).parents[1])
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {services!r})\n"
        "from services.group_end import pytest_runtest_teardown\n"
        "from services.selection import pytest_collection_modifyitems\n"
    )
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        "1",
        "--dist",
        "loadgroup",
        tmp_path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    happened = (tmp_path / "happened.txt").read_text().split()
    assert happened == ["begin", "with", "with", "with", "end", "without", "without"]  # the largest group is the first
