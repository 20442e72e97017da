"""Missing services are told, and are failures where all should be there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from services.requirements import require_service


def test_a_missing_service_skips_with_the_command(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Run: tools/postgresql install"):
        require_service("PostgreSQL", None, "tools/postgresql install")


def test_a_missing_service_fails_under_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="PostgreSQL is not installed"):
        require_service("PostgreSQL", None, "tools/postgresql install")


def test_a_service_that_is_there_is_used(monkeypatch):
    monkeypatch.setenv("CI", "true")
    require_service("PostgreSQL", "/usr/bin", "tools/postgresql install")


SKIPPING = """\
import os
import subprocess
import sys
from pathlib import Path

import pytest

{module}
def test_that_skips():
    pytest.skip("{reason}")

@pytest.mark.xfail(reason="known")
def test_that_is_known_to_fail():
    assert False
"""


@pytest.mark.parametrize(
    ("reason", "module", "ci", "code"),
    [
        ("No time today", "", "true", 1),
        ("No time today", "", "", 0),
        ("A small file system cannot be mounted here: no right", "", "true", 0),
        ("never reached", 'pytest.skip("The whole module", allow_module_level=True)', "true", 2),
        ("never reached", 'pytest.skip("The whole module", allow_module_level=True)', "", 5),
    ],
)
def test_a_skip_that_is_not_listed_fails_under_ci(tmp_path, reason, module, ci, code):
    (tmp_path / "conftest.py").write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from services.skips import pytest_make_collect_report, pytest_runtest_makereport\n"
    )
    (tmp_path / "test_it.py").write_text(SKIPPING.format(reason=reason, module=module))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--disable-plugin-autoload",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]
    done = subprocess.run(command, env={**os.environ, "CI": ci}, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    assert ("Under CI a skip is a failure" in done.stdout) == (code in (1, 2))
