"""From MLflow's own UI to the console, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from aml_plugins import ScriptRunConfig, Workspace
from aml_plugins.server.console.run_page import NOTE

pytestmark = pytest.mark.timeout(300)


def test_a_runs_description_in_mlflow_leads_to_the_console_and_its_page_back(
    chromium: Browser, aml_server, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_SERVER_URL", aml_server.url)
    (tmp_path / "train.py").write_text("print('hello')")
    run = workspace.experiment("linked").submit(ScriptRunConfig(tmp_path, script="train.py"), name="linked-run")
    run.wait_for_completion()
    page = chromium.new_page(viewport={"width": 1400, "height": 900})
    page.goto(f"{aml_server.url}/#/experiments/{run.record.experiment_id}/runs/{run.id}?workspace=team-a")
    page.get_by_role("link", name="Open in AML Plugins").click(timeout=60_000)
    expect(page.get_by_role("heading", name="linked-run", level=1)).to_be_visible()
    assert page.url == f"{aml_server.url}/aml/workspaces/team-a/runs/{run.id}"
    expect(page.locator(".facts")).not_to_contain_text("Note")
    page.get_by_role("link", name="Open in MLflow").click()
    expect(page.get_by_role("link", name="Open in AML Plugins")).to_be_visible(timeout=60_000)
    page.close()


def test_a_description_of_the_users_own_stays(
    aml_server, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AML_SERVER_URL", aml_server.url)
    (tmp_path / "train.py").write_text("print('hello')")
    config = ScriptRunConfig(tmp_path, script="train.py", tags={NOTE: "My words."})
    run = workspace.experiment("linked").submit(config)
    run.wait_for_completion()
    assert run.get_tags()[NOTE] == "My words."
    assert run.get_tags()["aml.console_url"].endswith(f"/aml/workspaces/team-a/runs/{run.id}")
