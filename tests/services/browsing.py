"""Chromium, on a machine whose network changes while pages load."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from services.requirements import require_service
from services.still_network import still

__all__ = ["browser_path", "launched"]

# Chromium has a sandbox that root may not use, and calls that a closed network does not answer.
_SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_SWITCHES += ["--disable-component-update", "--disable-sync"]


def browser_path() -> str | None:
    """Return where Chromium is, the one without windows first."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a Chromium, and end it. As long as it runs nothing else has an event loop in this thread."""
    found = browser_path()
    require_service("Chromium", found, "tools/chromium install")
    with tempfile.TemporaryDirectory(prefix="aml-chromium-") as made, sync_playwright() as playwright:
        program = still(str(found), Path(made))
        browser = playwright.chromium.launch(executable_path=program, args=_SWITCHES)
        yield browser
        browser.close()
