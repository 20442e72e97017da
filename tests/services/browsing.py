"""Pages in a browser, on a machine whose network changes while they load."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Error, Page, Request, sync_playwright
from services.requirements import require_service

__all__ = ["browser_path", "go", "launched"]

# Chromium has a sandbox that root may not use, and calls that a closed network does not answer.
_SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_SWITCHES += ["--disable-component-update", "--disable-sync"]

_CHANGED = "net::ERR_NETWORK_CHANGED"
_TRIES = 8


def browser_path() -> str | None:
    """Return where Chromium is, the one without windows first."""
    return shutil.which("chromium-headless-shell") or shutil.which("chromium")


@contextmanager
def launched() -> Iterator[Browser]:
    """Start a Chromium, and end it. As long as it runs nothing else has an event loop in this thread."""
    found = browser_path()
    require_service("Chromium", found, "tools/chromium install")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_SWITCHES)
        yield browser
        browser.close()


def go(page: Page, url: str) -> None:
    """Open a page; again where a bridge or a pod of another test came or went: Chromium then drops what it loads."""
    for _ in range(_TRIES):
        dropped: list[Request] = []

        def note(request: Request, dropped: list[Request] = dropped) -> None:
            if request.failure == _CHANGED:
                dropped.append(request)

        page.on("requestfailed", note)
        try:
            page.goto(url)
        except Error as error:
            if _CHANGED not in str(error):
                raise
            continue
        finally:
            page.remove_listener("requestfailed", note)
        if not dropped:
            return
