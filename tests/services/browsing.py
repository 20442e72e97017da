"""Pages in a browser, on a machine whose network changes while they load."""

from __future__ import annotations

from playwright.sync_api import Error, Page, Request

__all__ = ["go"]

_CHANGED = "net::ERR_NETWORK_CHANGED"
_TRIES = 8


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
