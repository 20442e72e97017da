"""The page of a service, with a service that runs: requests, versions, a form to try it, its log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from services.axe import assert_accessible
from services.scored import deployed

from aml_plugins import Service, Workspace
from aml_plugins.context import Context
from aml_plugins.errors import OperationFailedError
from aml_plugins.store.records import ServiceRecord

pytestmark = pytest.mark.timeout(600)

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg/onload=alert(3)>"
TABS = ("Requests", "Try it", "Log", "Settings", "Events")


@pytest.fixture
def service(workspace: Workspace, tmp_path: Path) -> Iterator[Service]:
    with deployed(workspace, tmp_path, "flowers", auth=True, variables={"TOKEN": "not-to-be-shown"}) as made:
        yield made


def opened(visitor, tab: str = "") -> Page:
    return visitor.open(f"/workspaces/team-a/services/flowers{tab}")


def test_a_service_is_reached_from_the_overview_and_tried(visitor, service: Service) -> None:
    page = visitor.open("/workspaces/team-a")
    page.get_by_role("region", name="Services").get_by_role("link", name="flowers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("flowers")
    page.get_by_role("tab", name="Try it").click()
    form = page.get_by_role("form", name="Request")
    expect(form.get_by_label("name")).to_have_value("iris")
    expect(form.get_by_label("name")).to_have_accessible_description("What the flower is called. (string)")
    form.get_by_label("name").fill("<b>rose</b>")
    form.get_by_label("sizes").fill("[1, 2,")
    form.get_by_role("button", name="Send").click()
    answer = page.get_by_role("region", name="Answer", exact=True)
    expect(answer.get_by_role("alert")).to_contain_text("sizes is not JSON")
    expect(form.get_by_label("sizes")).to_be_focused()
    form.get_by_label("sizes").fill("[1, 2, 3.5]")
    page.keyboard.press("Tab")
    form.get_by_role("button", name="Send").press("Enter")
    expect(answer).to_contain_text("Status 200")
    expect(page.get_by_role("region", name="Body of the answer")).to_contain_text('"name": "<b>rose</b>"')
    expect(page.get_by_role("region", name="Body of the answer")).to_contain_text('"sum": 6.5')
    form.get_by_label("Write the JSON yourself").check()
    form.get_by_label("Request").fill('{"fail": true}')
    form.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("Status 500")
    assert page.locator("img").count() == 0


def test_requests_errors_and_times_are_counted_as_they_come(visitor, service: Service) -> None:
    page = opened(visitor)
    row = page.get_by_role("table", name="Versions").get_by_role("row", name="iris-svc:1")
    expect(row.get_by_role("meter")).to_have_attribute("value", "100")
    expect(row).to_contain_text("iris:1")
    for number in range(20):
        service.run({"name": "x", "sizes": [number]})
    with pytest.raises(OperationFailedError):
        service.run({"fail": True})
    expect(row.get_by_role("cell").nth(3)).to_have_text("21")
    expect(row.get_by_role("cell").nth(4)).to_have_text("1")
    expect(row.get_by_role("cell").nth(6)).to_contain_text("ms")
    panel = page.get_by_role("tabpanel", name="Requests")
    expect(panel).to_contain_text("21 requests since the versions started, 0 refused requests (4xx), 1 failed request")
    expect(panel.get_by_role("img", name="Requests: now")).to_be_visible()


def test_the_log_comes_and_secrets_do_not(visitor, service: Service) -> None:
    page = opened(visitor, "?tab=log")
    expect(page.get_by_role("tabpanel", name="Log")).to_contain_text("the model is there <b>bold</b>")
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_role("tabpanel", name="Settings")).to_contain_text("TOKEN")
    words = page.evaluate("document.documentElement.innerHTML")
    assert "not-to-be-shown" not in words
    assert service.keys().primary not in words


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 380)])
def test_axe_finds_nothing_on_a_service(visit, service: Service, scheme: str, width: int) -> None:
    visitor = visit(color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = opened(visitor)
    expect(page.get_by_role("tabpanel", name="Requests")).to_contain_text("since the versions started")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel", name=tab)).not_to_be_empty()
        assert_accessible(page)
    page.get_by_role("tab", name="Try it").click()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("region", name="Answer", exact=True)).to_contain_text("Status 200")
    assert_accessible(page)


def test_a_service_that_is_another_machines_says_so(visitor, context: Context) -> None:
    """What somebody wrote into its row is words, and its address is not asked."""
    desired = {"generation": 1, "image": EVIL, "home": "elsewhere", "config": {"port": EVIL}}
    context.store.services.add(
        ServiceRecord(
            workspace="team-a",
            name="evil",
            service_id="e",
            type="local",
            state=EVIL,
            desired=desired,
            endpoint=f"javascript:{EVIL}",
            reason=f"{EVIL}\n{EVIL}",
            error_code=EVIL,
            user=EVIL,
            deployments=[{"key": EVIL, "image": EVIL, "weight": EVIL, "replicas": EVIL, "handle": {"key": EVIL}}],
        )
    )
    page = visitor.open("/workspaces/team-a/services/evil")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tabpanel", name=tab)).not_to_be_empty()
    page.get_by_role("tab", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be asked from this server")
    page.get_by_role("tab", name="Requests").click()
    expect(page.get_by_role("tabpanel", name="Requests")).to_contain_text("cannot see the service")
    assert (
        page.locator("img, iframe, object, embed, [onerror], [onload], body script, a[href^=javascript]").count() == 0
    )
