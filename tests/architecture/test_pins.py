"""The pins are installed as they stand, without a resolver: so they have to be whole."""

from __future__ import annotations

import subprocess
import sys


def test_everything_that_is_installed_finds_what_it_needs():
    found = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "No broken requirements found.\n")
