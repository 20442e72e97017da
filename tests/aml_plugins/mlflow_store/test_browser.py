"""What people see: a finished run in the MLflow UI of a workspace, in a real browser on a real server."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from services.browsing import launched
from services.mlflow_server import MlflowServer

from aml_plugins import Run, ScriptRunConfig, Workspace
from aml_plugins.testing.waiting import wait_until

SCRIPT = """
from pathlib import Path
from azureml.core import Run
Run.get_context().log("accuracy", 0.8125)
Path("outputs/greeting.txt").write_text("The model says hello.")
print("trained")
"""
SLOWLY = 60_000  # milliseconds; the first page of a cold server takes its time
pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Finished:
    """A run that has ended, and where its pages are."""

    run: Run
    address: str


@pytest.fixture
def finished(mlflow_server: MlflowServer, tmp_path: Path) -> Iterator[Finished]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "train.py").write_text(SCRIPT)
    workspace = Workspace.create("team-browser", store=mlflow_server.store_uri, exist_ok=True)
    run = workspace.experiment("seen").submit(ScriptRunConfig(source, script="train.py"), name="seen-run")
    run.wait_for_completion()
    assert run.record is not None
    yield Finished(run, f"{mlflow_server.url}/#/experiments/{run.record.experiment_id}/runs")
    workspace.close()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    made = context.new_page()
    made.set_default_timeout(SLOWLY)
    return made


def test_a_run_its_metric_and_its_files_are_seen_in_its_workspace(finished: Finished, page: Page) -> None:
    expect.set_options(timeout=SLOWLY)
    page.goto(f"{finished.address}/{finished.run.id}?workspace=team-browser")
    expect(page.get_by_role("heading", name="seen-run")).to_be_visible()
    expect(page.get_by_text("Finished", exact=True).first).to_be_visible()
    expect(page.get_by_text("0.8125").first).to_be_visible()

    page.get_by_text("Artifacts", exact=True).first.click()
    page.get_by_text("outputs", exact=True).first.click()
    page.get_by_text("greeting.txt").first.click()
    expect(page.get_by_text("The model says hello.")).to_be_visible()


def test_a_snapshot_is_downloaded_from_the_ui(finished: Finished, page: Page, tmp_path: Path) -> None:
    expect.set_options(timeout=SLOWLY)
    page.goto(f"{finished.address}/{finished.run.id}/artifacts?workspace=team-browser")
    page.get_by_text("snapshot", exact=True).first.click()
    page.get_by_text("snapshot.zip").first.click()
    expect(page.get_by_text("snapshot/snapshot.zip").first).to_be_visible()
    with page.expect_download() as download:
        page.locator("button[data-component-id*='artifactview']").first.click()  # it has no name, only an icon
    download.value.save_as(tmp_path / "snapshot.zip")
    with zipfile.ZipFile(tmp_path / "snapshot.zip") as archive:
        assert archive.read("train.py").decode() == SCRIPT


def _listed(run: Run) -> list[str]:
    return [found.id for found in run.workspace.experiment("seen").get_runs()]


def test_a_run_is_deleted_and_restored_in_the_ui(finished: Finished, page: Page) -> None:
    expect.set_options(timeout=SLOWLY)
    page.goto(f"{finished.address}/{finished.run.id}?workspace=team-browser")
    page.get_by_label("Open header dropdown menu").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(lambda url: finished.run.id not in url)  # MLflow leaves the run's page by itself
    assert finished.run.id not in _listed(finished.run)

    page.goto(f"{finished.address}?workspace=team-browser&lifecycleFilter=Deleted")
    row = page.locator("[role=row]").filter(has_text="seen-run").first
    row.locator("input[type=checkbox]").first.check(force=True)
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    wait_until(lambda: finished.run.id in _listed(finished.run))


def test_another_workspace_does_not_show_the_run(finished: Finished, page: Page) -> None:
    page.goto(f"{finished.address}/{finished.run.id}?workspace=default")
    expect(page.get_by_text("seen-run")).to_have_count(0)
    page.wait_for_load_state("load")
    body = page.locator("body")
    expect(body).to_contain_text("not found", ignore_case=True, timeout=SLOWLY)
    expect(body).not_to_contain_text("0.8125")
