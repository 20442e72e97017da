"""Where the server asks who its users are: a reader looks, a contributor cancels, an outsider finds nothing."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from services.team_server import PASSWORD, TeamServer

from aml_plugins.store.opening import open_store
from aml_plugins.store.records import RunRecord

pytestmark = pytest.mark.timeout(300)

WORKSPACE = "team-console"
PEOPLE = {"console-reader": "reader", "console-contributor": "contributor", "console-outsider": None}


@pytest.fixture
def run_id(team_server: TeamServer) -> str:
    """A run that goes on in a workspace with a reader and a contributor."""
    admin = team_server.client()
    admin.aml("POST", "/workspaces", {"name": WORKSPACE})
    for user, role in PEOPLE.items():
        admin("POST", "/api/2.0/mlflow/users/create", {"username": user, "password": PASSWORD})
        if role:
            assert admin.aml("PUT", f"/workspaces/{WORKSPACE}/members", {"user": user, "role": role}).status == 200
    store = open_store(team_server.store_uri)
    record = RunRecord(
        workspace=WORKSPACE,
        run_id=uuid.uuid4().hex,
        experiment_id="1",
        experiment_name="iris",
        target="local",
        target_type="local",
        state="Running",
        script="train.py",
        config={},
        source={"home": "of another machine"},
        # Somebody elsewhere drives it: no driver of this machine ends it meanwhile.
        lease_owner="elsewhere/boot/1/1/x",
        lease_until=time.time() + 3600,
    )
    store.runs.add(record, message="Submitted.")
    store.close()
    return record.run_id


@pytest.fixture
def signed_in(chromium: Browser) -> Iterator[Callable[[str], Page]]:
    """Open a window of somebody who gave name and password."""
    expect.set_options(timeout=30_000)
    contexts = []

    def window(user: str) -> Page:
        contexts.append(chromium.new_context(http_credentials={"username": user, "password": PASSWORD}))
        return contexts[-1].new_page()

    yield window
    for context in contexts:
        context.close()


def test_who_gives_no_name_sees_nothing(team_server: TeamServer, run_id: str) -> None:
    stranger = team_server.client(None)
    for path in ("/aml/", f"/aml/workspaces/{WORKSPACE}", f"/api/2.0/aml/console/workspaces/{WORKSPACE}/overview"):
        answer = stranger("GET", path)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].lower().startswith("basic")
        assert WORKSPACE not in answer.body.decode()


def test_a_reader_follows_a_run_and_cannot_end_it(
    team_server: TeamServer, run_id: str, signed_in: Callable[[str], Page]
) -> None:
    page = signed_in("console-reader")
    page.goto(f"{team_server.url}/aml/")
    page.get_by_role("link", name=WORKSPACE).click()
    page.get_by_role("region", name="Under way").get_by_role("link").first.click()
    expect(page.locator(".title .badge")).to_have_text("Running")
    expect(page.locator(".log-state")).to_have_text("Live")  # the stream has the credentials too
    expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)


def test_a_contributor_ends_a_run(team_server: TeamServer, run_id: str, signed_in: Callable[[str], Page]) -> None:
    page = signed_in("console-contributor")
    page.goto(f"{team_server.url}/aml/workspaces/{WORKSPACE}/runs/{run_id}")
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".title .badge")).to_have_text("Cancel requested")


def test_an_outsider_finds_nothing(team_server: TeamServer, run_id: str, signed_in: Callable[[str], Page]) -> None:
    page = signed_in("console-outsider")
    page.goto(f"{team_server.url}/aml/")
    expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
    expect(page.get_by_role("link", name=WORKSPACE)).to_have_count(0)
    page.goto(f"{team_server.url}/aml/workspaces/{WORKSPACE}/runs/{run_id}")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
