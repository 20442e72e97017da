"""From MLflow's own UI to the console, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from aml_plugins import ScriptRunConfig, Workspace
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.server.console.run_page import NOTE

pytestmark = pytest.mark.timeout(300)


def test_a_runs_description_in_mlflow_leads_to_the_console_and_its_page_back(
    chromium: Browser, aml_server, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_SERVER_URL", aml_server.url)
    (tmp_path / "train.py").write_text("print('hello')")
    run = workspace.experiment("linked").submit(ScriptRunConfig(tmp_path, script="train.py"), name="linked-run")
    run.wait_for_completion()
    page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.goto(f"{aml_server.url}/#/experiments/{run.record.experiment_id}/runs/{run.id}?workspace=team-a")
    page.wait_for_selector("text=Open in AML Plugins", timeout=60_000)
    with page.context.expect_page() as opened:  # MLflow opens what a description links to in a new window
        page.get_by_role("link", name="Open in AML Plugins").click()
    page = opened.value
    expect(page.get_by_role("heading", name="linked-run", level=1)).to_be_visible()
    assert page.url == f"{aml_server.url}/aml/workspaces/team-a/runs/{run.id}"
    expect(page.locator(".facts")).not_to_contain_text("Note")
    page.get_by_role("link", name="Open in MLflow").click()
    expect(page.get_by_role("link", name="Open in AML Plugins")).to_be_visible(timeout=60_000)
    page.context.close()


def test_a_description_of_the_users_own_stays(
    aml_server, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_SERVER_URL", aml_server.url)
    (tmp_path / "train.py").write_text("print('hello')")
    own = RunConfiguration(tags={NOTE: "My words."})
    run = workspace.experiment("linked").submit(ScriptRunConfig(tmp_path, script="train.py", run_config=own))
    run.wait_for_completion()
    assert run.get_tags()[NOTE] == "My words."
    assert run.get_tags()["aml.console_url"].endswith(f"/aml/workspaces/team-a/runs/{run.id}")
