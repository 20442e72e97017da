"""Take the pictures of the example DAGs: a whole Airflow, the examples run in it, Debian's Chromium.

``tools/redis install`` and ``tools/spark install`` before; then ``python tools/screenshots.py airflow``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from services.airflow_world import AirflowWorld, find_redis, running_world, until  # noqa: E402
from services.postgresql import find_programs, running_server  # noqa: E402

from aml_plugins import Service, Workspace  # noqa: E402
from aml_plugins.errors import NotFoundError  # noqa: E402

__all__ = ["take_airflow_pictures"]

EXAMPLES: dict[str, list[dict[str, float]]] = {
    "workflow": [{}],
    "sweep": [{}],
    "batch_scoring": [],
    "nightly": [{}, {}, {"at_least": 1.1}],
    "spark": [{}],
}
"""The parameters of each run that is triggered, one after the other; the sweep starts the batch scoring."""


def take_airflow_pictures(
    browser: Browser, home: Path, directory: Path, names: Sequence[str] = tuple(EXAMPLES)
) -> None:
    """Run the examples and write ``airflow-NAME.png`` of each; ``airflow-workflow.png`` belongs to the tutorial."""
    programs, redis = find_programs(), find_redis()
    if programs is None or redis is None:
        sys.exit("Run: tools/postgresql install && tools/redis install")
    _name_spark()
    with running_server(programs) as postgresql, running_world(home, postgresql, redis) as world:
        try:
            _run_all(world, names)
            context = browser.new_context(viewport={"width": 1200, "height": 620}, locale="en-GB", timezone_id="UTC")
            page = context.new_page()
            page.set_default_timeout(120_000)
            world.sign_in(page)
            for name in names:
                folder = ROOT / "docs" / "tutorial" / "images" if name == "workflow" else directory
                _take(world, page, name, folder / f"airflow-{name.replace('_', '-')}.png")
        finally:
            _delete_services(world)


def _name_spark() -> None:
    found = subprocess.run([ROOT / "tools" / "spark", "find"], capture_output=True, text=True, check=True)
    home = Path(found.stdout.strip())
    os.environ["SPARK_HOME"] = str(home)
    os.environ["PYSPARK_PYTHON"] = str(home.parents[3] / "bin" / "python")


def _run_all(world: AirflowWorld, names: Sequence[str]) -> None:
    for name in names:
        dag_id = f"aml_example_{name}"
        (world.dags / f"example_{name}.py").symlink_to(ROOT / "dags" / f"example_{name}.py")
        world.wait_for_dag(dag_id)
    for name in names:
        dag_id = f"aml_example_{name}"
        for parameters in EXAMPLES[name]:
            print(dag_id, world.wait_for_run(dag_id, world.trigger(dag_id, **parameters)), flush=True)
        if not EXAMPLES[name]:
            print(dag_id, world.wait_for_run(dag_id, _first_run(world, dag_id)), flush=True)


def _first_run(world: AirflowWorld, dag_id: str) -> str:
    """Wait for a run that somebody else has triggered."""
    (run, *_) = until(lambda: world.ask("GET", f"dags/{dag_id}/dagRuns")["dag_runs"], f"the start of {dag_id}")
    return str(run["dag_run_id"])


def _take(world: AirflowWorld, page: Page, name: str, picture: Path) -> None:
    dag_id = f"aml_example_{name}"
    run = world.ask("GET", f"dags/{dag_id}/dagRuns", order_by="-run_after")["dag_runs"][0]
    page.goto(f"{world.url}/dags/{dag_id}/runs/{run['dag_run_id']}")
    page.locator("a[href*='/tasks/']").first.wait_for()
    if len(EXAMPLES[name]) > 1:
        _widen_the_grid(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(3000)  # until spinners have ended; a picture is no test
    page.screenshot(path=picture)
    print(picture, f"{picture.stat().st_size >> 10} KiB")


def _widen_the_grid(page: Page) -> None:
    """Draw the bar between grid and details to the right, so that each run has its column."""
    bar = page.locator("[data-panel-resize-handle-id]").first.bounding_box()
    if bar is None:
        sys.exit("There is no bar beside the grid.")
    across, down = bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] * 0.8
    page.mouse.move(across, down)
    page.mouse.down()
    page.mouse.move(across + 150, down, steps=10)
    page.mouse.up()


def _delete_services(world: AirflowWorld) -> None:
    os.environ["AML_HOME"] = world.environment["AML_HOME"]  # where the services' processes are known
    workspace = Workspace.get("default", store=world.server.url)
    for name in ("iris", "iris-nightly"):
        with suppress(NotFoundError):
            Service.get(workspace, name).delete(wait=True)
