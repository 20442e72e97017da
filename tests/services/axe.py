"""What axe-core finds on a page: nothing."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

__all__ = ["RULES", "assert_accessible"]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def assert_accessible(page: Page) -> None:
    """Fail with what is wrong and where."""
    results = Axe().run(page, options=RULES)
    found = [(item["id"], [node["html"][:150] for node in item["nodes"]]) for item in results.response["violations"]]
    assert found == [], found
