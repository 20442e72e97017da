"""From a script's ``print`` to the line in the browser, on one machine, which has one clock."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from paint import CHROMIUM, SWITCHES
from playwright.sync_api import sync_playwright

from aml_plugins import ScriptRunConfig, Workspace

LINES = 300
# Not in step with the server's looks.
SCRIPT = f"""
import random, time
time.sleep(4)
for _ in range({LINES}):
    print(f"at {{time.time():.6f}}", flush=True)
    time.sleep(random.uniform(0.02, 0.12))
time.sleep(1)
"""
WATCH = """
() => {
    window.latencies = [];
    const read = node => {
        const match = /^at ([0-9.]+)/.exec(node.textContent);
        if (match) window.latencies.push(Date.now() - Number(match[1]) * 1000);
    };
    new MutationObserver(changes => {
        for (const change of changes) for (const node of change.addedNodes) if (node.className === "line") read(node);
    }).observe(document.querySelector("log-view"), {subtree: true, childList: true});
}
"""


def log_latencies(url: str, store_uri: str) -> list[float]:
    """Return the milliseconds that each line took."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "talk.py").write_text(SCRIPT)
        workspace = Workspace.get("team-bench", store=store_uri)
        run = workspace.experiment("latency").submit(ScriptRunConfig(name, script="talk.py"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
            page = browser.new_page()
            page.goto(f"{url}/aml/workspaces/team-bench/runs/{run.id}")
            page.wait_for_selector("log-view .lines")
            page.evaluate(WATCH)
            run.wait_for_completion()
            time.sleep(1)
            taken = [float(value) for value in page.evaluate("window.latencies")]
            browser.close()
        workspace.close()
    assert len(taken) >= LINES * 0.95, f"only {len(taken)} lines came"
    return taken
