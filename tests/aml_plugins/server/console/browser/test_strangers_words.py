"""Names, notes, files and log lines are words, whatever they try to be."""

from __future__ import annotations

import uuid
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.runs.history import Metric
from aml_plugins.store.records import (
    ComputeTargetRecord,
    DatastoreRecord,
    ProvisioningRecord,
    SnapshotRecord,
    TaskRecord,
)

pytestmark = pytest.mark.timeout(300)

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg/onload=alert(3)>{{7*7}}"
FILE = "<img src=x onerror=alert(4)>.py"
DIGEST = "cd" * 32
TABS = ("log", "metrics", "files", "source", "configuration", "children", "events")


@pytest.fixture
def evil_run(context, add_job, tmp_path: Path) -> str:
    """A run all of whose words are evil; returns its id."""
    with zipfile.ZipFile(tmp_path / "snapshot.zip", "w") as archive:
        archive.writestr(FILE, EVIL)
        archive.writestr(f"{EVIL.replace('/', '_')}/x.py", EVIL)
    datastore = default_datastore(context, "team-a")
    datastore.put(tmp_path / "snapshot.zip", "evil.zip")
    store = context.store
    store.snapshots.put(
        SnapshotRecord(workspace="team-a", digest=DIGEST, datastore=datastore.name, path="evil.zip", size=1, files=2)
    )
    store.compute_targets.add(ComputeTargetRecord(workspace="team-a", name=EVIL, type=EVIL))
    store.datastores.add(DatastoreRecord(workspace="team-a", name=EVIL, type=EVIL))
    words = {"name": EVIL, "script": FILE, "target": EVIL, "target_type": EVIL, "user": EVIL, "native_state": EVIL}
    words |= {"reason": f"{EVIL}\n{EVIL}", "error_code": EVIL, "experiment_name": "evil <b>experiment</b>"}
    run, log = add_job(f"{EVIL}\n".encode(), **words, snapshot_digest=DIGEST, config={EVIL: EVIL})
    # The log's target must be one that can be asked, so that its lines come.
    assert log.is_file()
    history = context.history("team-a")
    history.log(
        run.run_id,
        metrics=[Metric("a/b c", 1.0, 1), Metric("a/b c", 2.0, 2, 1)],
        params={"<b>p</b>".replace("<", "").replace(">", ""): EVIL},
        tags={"mlflow.note.content": EVIL, "mlflow.runName": EVIL, "tag": EVIL},
    )
    (tmp_path / FILE).write_text(EVIL)
    history.upload(run.run_id, tmp_path / FILE, "outputs")
    history.create_run(uuid.uuid4().hex, run.experiment_id, name=EVIL, tags={}, parent_run_id=run.run_id)
    store.tasks.put(
        TaskRecord(workspace="team-a", task_id="evil-task", kind=EVIL, subject=run.run_id, state="Running"),
        message=EVIL,
    )
    return run.run_id


def assert_only_words(page: Page) -> None:
    assert page.locator("img, iframe, object, embed, form, [onerror], [onload], body script").count() == 0
    # Policy violations would be complaints of the browser, which the visitor gathers.
    assert page.evaluate("document.documentElement.innerHTML").count("<img") == 0


def test_the_overview_shows_words(visitor, evil_run: str) -> None:
    page = visitor.open("/workspaces/team-a")
    expect(page.get_by_role("table", name="Runs").get_by_role("link", name=EVIL)).to_be_visible()
    expect(page.get_by_role("region", name="Compute targets")).to_contain_text(EVIL)
    expect(page.get_by_role("region", name="Datastores")).to_contain_text(EVIL)
    expect(page.get_by_role("region", name="Under way")).to_contain_text(EVIL)
    page.get_by_role("combobox", name="Compute target").select_option(EVIL)
    expect(page.get_by_role("table", name="Runs").locator("tbody tr")).to_have_count(1)
    page.goto(page.url)
    expect(page.get_by_role("combobox", name="Compute target")).to_have_value(EVIL)
    assert_only_words(page)


@pytest.mark.parametrize("tab", TABS)
def test_every_part_of_a_run_shows_words(visitor, evil_run: str, tab: str) -> None:
    page = visitor.open(f"/workspaces/team-a/runs/{evil_run}?tab={tab}")
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    shown = {
        "metrics": "a/b c",
        "files": FILE,
        "source": EVIL,
        "configuration": "onerror=alert(1)",
        "children": EVIL,
        "events": "Submitted.",
    }
    if tab in shown:
        expect(page.get_by_role("tabpanel")).to_contain_text(shown[tab])
    expect(page.locator(".facts")).to_contain_text(EVIL)
    assert_only_words(page)


def test_a_log_line_is_words(visitor, add_job) -> None:
    run, _ = add_job(f"{EVIL}\n\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07\n".encode())
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    expect(page.get_by_role("log").locator(".line")).to_have_text([f"{EVIL}\n", "click\n"])
    assert_only_words(page)


def test_a_task_shows_words(visitor, evil_run: str) -> None:
    page = visitor.open("/workspaces/team-a/tasks/evil-task")
    expect(page.get_by_role("heading", level=1)).to_contain_text(EVIL)
    assert_only_words(page)


def test_an_address_is_words_too(visitor) -> None:
    page = visitor.open("/workspaces/team-a?text=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.get_by_role("searchbox")).to_have_value('"><img src=x onerror=alert(1)>')
    assert_only_words(page)
    page = visitor.open("/workspaces/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    assert_only_words(page)


def test_a_created_targets_state_is_seen_and_its_reason_is_words(visitor, context) -> None:
    creation = ProvisioningRecord(
        workspace="team-a",
        name="pool",
        operation_id=uuid.uuid4().hex,
        type="azure-batch",
        desired={"request": 1, "absent": False},
        state="Failed",
        reason=f"{EVIL}\nmore",
    )
    target = ComputeTargetRecord(workspace="team-a", name="pool", type="azure-batch")
    context.store.provisionings.add(creation, target)
    page = visitor.open("/workspaces/team-a")
    card = page.get_by_role("region", name="Compute targets").get_by_role("listitem").filter(has_text="pool")
    expect(card.locator("[data-state=Failed]")).to_have_text("Failed")
    expect(card).to_contain_text(EVIL)
    assert_only_words(page)
