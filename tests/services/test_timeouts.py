"""The summary's line of a test that took too long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ENDLESS = """\
from aml_plugins.testing.waiting import wait_until


def test_that_waits_for_ever():
    wait_until(lambda: False, 60)
"""


def test_it_says_where_the_test_stood(tmp_path):
    (tmp_path / "conftest.py").write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from services.skips import pytest_runtest_makereport\n"
    )
    (tmp_path / "test_it.py").write_text(ENDLESS)
    options = ["-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", "-o", "timeout=0.5", "--rootdir", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", "--disable-plugin-autoload", *options, str(tmp_path)]
    whole_lines = {**os.environ, "CI": "true"}
    done = subprocess.run(command, env=whole_lines, capture_output=True, text=True, check=False)
    summary = next(line for line in done.stdout.splitlines() if line.startswith("FAILED"))
    assert "Timeout (>0.5s)" in summary
    assert " At waiting.py:" in summary
