"""Scoring servers for tests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from servers import INSTALL, TOOL, Microsoft
from services.requirements import require_service


@pytest.fixture(scope="session")
def microsoft() -> Iterator[Microsoft]:
    """Microsoft's server, and a Python with all that scripts need."""
    found = subprocess.run([TOOL, "find"], capture_output=True, text=True, check=False)
    require_service("Microsoft's scoring server", found.returncode == 0, INSTALL)
    started = Microsoft(Path(found.stdout.strip()))
    yield started
    started.close()
