"""What a browser makes of the overview."""

from __future__ import annotations

import shutil

from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
LOOKS = 8
# When the rows were there: the page's heading is put in together with them.
SHOWN = """
() => new Promise(resolve => {
    const seen = () => document.querySelector("table.runs tbody tr") && resolve(performance.now());
    seen();
    new MutationObserver(seen).observe(document, {subtree: true, childList: true});
})
"""


def paint_times(url: str, workspace: str) -> list[float]:
    """Return the milliseconds from the navigation to the rows, in a new window each time."""
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        for _ in range(LOOKS):
            page = browser.new_context().new_page()
            page.goto(f"{url}/aml/workspaces/{workspace}", wait_until="commit")
            taken.append(float(page.evaluate(SHOWN)))
            page.context.close()
        browser.close()
    return taken
