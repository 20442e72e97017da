"""Take the pictures of tutorial and how-to: demos in homes of their own, real servers, Debian's Chromium.

tools/chromium install && python tools/screenshots.py [tutorial|console|airflow ...]
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from airflow_pictures import take_airflow_pictures
from console_pictures import take_console_pictures
from demo_ui import WORKSPACE, running_server
from playwright.sync_api import Page, sync_playwright

from aml_plugins import ScriptRunConfig, Workspace

ROOT = Path(__file__).parents[1]
IMAGES = {"tutorial": ROOT / "docs" / "tutorial" / "images", "console": ROOT / "docs" / "how-to" / "images"}
IMAGES["airflow"] = IMAGES["console"]
# Chromium has a sandbox that root may not use, and calls that a closed network does not answer.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
# As a user has it who closed the assistant and chose "Model training" over "GenAI".
CHOICES = {
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.workflowType_v1": '"machine_learning"',
}
LIST_STATE = 'MLflowLocalStorage-1.1-ExperimentPage-["{experiment}"]-ReactComponentState'
COLUMNS = ["metrics.`accuracy`", "metrics.`alpha`", "attributes.`Models`"]


def main(wanted: Sequence[str]) -> None:
    """Write the pictures."""
    for name in wanted or IMAGES:
        IMAGES[name].mkdir(parents=True, exist_ok=True)
        {"tutorial": _tutorial, "console": _console, "airflow": _airflow}[name](IMAGES[name])


def _console(directory: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="aml-screenshots-") as home, sync_playwright() as playwright:
        os.environ["AML_HOME"] = home
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        take_console_pictures(browser, Path(home), directory)
        browser.close()


def _airflow(directory: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="aml-screenshots-") as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        take_airflow_pictures(browser, Path(home), directory)
        browser.close()


def _tutorial(directory: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="aml-screenshots-") as home:
        os.environ["AML_HOME"] = home
        run, experiment = _train()
        with running_server(f"aml+sqlite:///{home}/aml.db") as base, _page() as page:
            runs = f"{base}/#/experiments/{experiment}/runs"
            _run_page(page, f"{runs}/{run}?workspace={WORKSPACE}", directory / "run.png")
            _artifacts_page(page, f"{runs}/{run}/artifacts?workspace={WORKSPACE}", directory / "artifacts.png")
            _list_page(page, f"{runs}?workspace={WORKSPACE}", experiment, directory / "runs.png")


def _train() -> tuple[str, str]:
    """Run the demo's training; return the ids of run and experiment."""
    workspace = Workspace.create(WORKSPACE)
    workspace.attach_compute("local", "demo-box")
    strengths = ["--alpha", 0.01, 0.1, 1, 10, 100]
    script = ROOT / "docs" / "examples" / "iris"
    config = ScriptRunConfig(script, script="train.py", arguments=strengths, compute_target="demo-box")
    run = workspace.experiment("iris").submit(config, name="iris")
    run.wait_for_completion()
    run.register_model("iris", "outputs/model.pkl")
    experiment = run.record.experiment_id if run.record else ""
    workspace.close()
    return run.id, experiment


@contextmanager
def _page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        context = browser.new_context(viewport={"width": 1400, "height": 720}, locale="en-GB", timezone_id="UTC")
        context.add_init_script(
            f"for (const [key, value] of Object.entries({json.dumps(CHOICES)})) localStorage.setItem(key, value)"
        )
        yield context.new_page()
        browser.close()


def _run_page(page: Page, address: str, picture: Path) -> None:
    page.goto(address)
    page.get_by_text("alpha-0.01").first.wait_for()
    page.get_by_text("accuracy").first.wait_for()
    _take(page, picture)


def _artifacts_page(page: Page, address: str, picture: Path) -> None:
    page.goto(address)
    for folder in ("snapshot", "outputs", "logs"):
        page.get_by_text(folder, exact=True).first.click()
    page.get_by_text("snapshot.zip").first.wait_for()
    page.get_by_text("model.pkl").first.wait_for()
    page.get_by_text("std_log.txt").first.click()
    page.get_by_text("best: alpha").first.wait_for()
    _take(page, picture)


def _list_page(page: Page, address: str, experiment: str, picture: Path) -> None:
    """Show the metrics' columns, a choice that the UI keeps in the browser, and the child runs."""
    page.goto(address)
    page.get_by_text("matching runs").wait_for()
    page.wait_for_timeout(1500)  # the UI writes its state a moment after it has shown it
    page.evaluate(
        """([key, columns]) => {
            const state = JSON.parse(localStorage.getItem(key));
            localStorage.setItem(key, JSON.stringify({...state, selectedColumns: columns}));
        }""",
        [LIST_STATE.format(experiment=experiment), COLUMNS],
    )
    page.goto("about:blank")
    page.goto(address)
    page.locator("[data-component-id*='runnamecellrenderer'][type=button]").first.click()
    page.get_by_text("alpha-0.01").first.wait_for()
    _take(page, picture)


def _take(page: Page, picture: Path) -> None:
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)  # until spinners and animations have ended; a picture is no test
    page.screenshot(path=picture)
    print(picture, f"{picture.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
