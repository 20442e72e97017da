"""A test that ran into its time limit says in one line where it stood: often that line is all that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

__all__ = ["tell_where"]

_ROOT = str(Path(__file__).parents[2])


def tell_where(call: pytest.CallInfo[None], report: Any) -> None:
    """Add the lines of this repository's own files to what the summary says of a test that took too long."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if call.excinfo is None or crash is None or not str(call.excinfo.value).startswith("Timeout (>"):
        return
    own = [
        one
        for one in call.excinfo.traceback
        if str(one.path).startswith(_ROOT) and "site-packages" not in one.path.parts
    ]
    crash.message += f" At {' > '.join(f'{one.path.name}:{one.lineno + 1}' for one in own)}"
