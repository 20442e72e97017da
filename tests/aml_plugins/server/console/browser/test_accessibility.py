"""For everybody: axe-core finds nothing, in light and dark, wide and narrow; everything works by keyboard."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from services.axe import RULES, assert_accessible

from aml_plugins.runs.history import Metric
from aml_plugins.server.console.pages import assets
from aml_plugins.store.records import ImageRecord, ServiceRecord

pytestmark = pytest.mark.timeout(300)

LOOKS = [("light", 1300), ("dark", 1300), ("light", 380), ("dark", 380)]


@pytest.fixture
def run_id(context, add_job, tmp_path) -> str:
    """A run with something behind each tab."""
    run, _ = add_job(b"line\n" * 200, name="training", reason="Waiting for something.")
    add_job(name="failed", state="Failed", reason="It failed.\nlast line", parent_run_id=run.run_id)
    add_job(name="done", state="Completed", started_at=1.0, ended_at=5.0)
    context.store.images.add(
        ImageRecord(workspace="team-a", name="iris", state="Succeeded", builder="oci", config={}, created_at=1.0)
    )
    service = {
        "name": "scorer",
        "service_id": "a",
        "type": "local",
        "state": "Unhealthy",
        "reason": "It does not answer.",
    }
    desired = {"generation": 1, "image": "iris:1"}
    context.store.services.add(
        ServiceRecord(workspace="team-a", endpoint="http://box/score", desired=desired, **service)
    )
    history = context.history("team-a")
    history.log(run.run_id, metrics=[Metric("loss", 1 / step, step, step) for step in range(1, 9)])
    history.log(run.run_id, params={"alpha": "1"}, tags={"colour": "blue", "mlflow.note.content": "A note."})
    (tmp_path / "x.txt").write_text("x")
    history.upload(run.run_id, tmp_path / "x.txt", "outputs")
    return run.run_id


@pytest.mark.parametrize(("scheme", "width"), LOOKS)
def test_axe_finds_nothing(visit, run_id: str, scheme: str, width: int) -> None:
    visitor = visit(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    assert_accessible(visitor.open("/"))
    page = visitor.open("/workspaces/team-a")
    expect(page.get_by_role("region", name="Services")).to_contain_text("It does not answer.")
    expect(page.get_by_role("region", name="Images")).to_contain_text("version 1")
    assert_accessible(page)
    assert_accessible(visitor.open(f"/workspaces/team-a/tasks/{run_id}"))
    assert_accessible(visitor.open("/nothing/here"))
    page = visitor.open(f"/workspaces/team-a/runs/{run_id}")
    expect(page.get_by_role("log")).to_contain_text("line")
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(page.get_by_role("tabpanel")).not_to_be_empty()
        assert_accessible(page)
    page.get_by_role("button", name="Cancel run").click()
    assert_accessible(page)


def test_axe_would_find_something(visitor) -> None:
    page = visitor.open("/")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    results = Axe().run(page, options=RULES)
    assert "button-name" in [item["id"] for item in results.response["violations"]]


def test_the_keyboard_reaches_everything_in_order(visitor, run_id: str) -> None:
    page = visitor.open("/workspaces/team-a")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("region", name="Under way").get_by_role("link").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_tabs_are_moved_between_with_arrows(visitor, run_id: str) -> None:
    page = visitor.open(f"/workspaces/team-a/runs/{run_id}")
    page.get_by_role("tab", name="Log").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Metrics")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Metrics")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel", name="Events")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel", name="Log")).to_be_visible()
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_focus_is_seen_and_survives_a_new_look(visitor, context, add_job, run_id: str) -> None:
    page = visitor.open("/workspaces/team-a")
    link = page.get_by_role("table", name="Runs").get_by_role("link", name="done")
    link.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert link.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    add_job(name="meanwhile")
    expect(page.get_by_role("table", name="Runs").get_by_role("link", name="meanwhile")).to_be_visible()
    expect(link).to_be_focused()


def test_nothing_moves_for_who_wants_that(visit, run_id: str) -> None:
    page = visit(reduced_motion="reduce").open("/workspaces/team-a")
    moving = "document.getAnimations().filter(one => one.playState === 'running').length"
    assert page.evaluate(moving) == 0
    assert b"prefers-reduced-motion" in assets().files["console.css"]


def test_the_theme_is_chosen_and_kept(visit) -> None:
    visitor = visit(color_scheme="light")
    page = visitor.open("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Theme: system. Change it.").click()
    page.get_by_role("button", name="Theme: light. Change it.").click()
    expect(page.get_by_role("button", name="Theme: dark. Change it.")).to_be_visible()
    dark = page.evaluate(ground)
    assert dark != light
    page.goto(page.url)
    assert page.evaluate(ground) == dark
