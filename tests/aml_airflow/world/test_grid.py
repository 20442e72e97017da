"""A person goes from Airflow's grid to the run, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from services.browsing import launched

pytestmark = [pytest.mark.xdist_group("airflow-world"), pytest.mark.timeout(900)]

SLOWLY = 120_000  # milliseconds; how long something may take that always comes


@pytest.fixture
def page(world) -> Iterator[Page]:
    """A browser in which somebody has signed in to Airflow."""
    with launched() as browser:
        page = browser.new_context(locale="en-GB", timezone_id="UTC").new_page()
        page.set_default_timeout(SLOWLY)
        world.sign_in(page)
        yield page


def link_of_the_task(page: Page, grid: str) -> Locator:
    """Click from the grid to the task's details."""
    page.goto(grid)
    page.locator("a[href*='/runs/'][href$='/tasks/train']").first.click()
    page.get_by_role("link", name="Details").last.click()
    return page.get_by_role("link", name="MLflow run")


def test_from_the_grid_to_the_run(page, make_dag, world):
    dag = make_dag()
    dag.let_go()
    dag.wait_for("success")
    run_id = dag.returned()

    link = link_of_the_task(page, f"{world.url}/dags/{dag.dag_id}")
    with page.expect_popup() as opened:
        link.click()

    mlflow = opened.value
    assert run_id in mlflow.url
    mlflow.goto(mlflow.url)
    expect(mlflow.get_by_text(run_id).first).to_be_visible(timeout=SLOWLY)
