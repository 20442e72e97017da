"""What a user sees and does, from a submission to its results."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

from aml_plugins import ScriptRunConfig, Workspace
from aml_plugins.runs.history import Metric

pytestmark = pytest.mark.timeout(300)

SCRIPT = """
import os, time
import uuid
from pathlib import Path
from azureml.core import Run
run = Run.get_context()
print("it begins", flush=True)
while not Path(os.environ["GATE"]).exists():
    time.sleep(0.02)
for step in range(5):
    run.log("loss", 1 / (step + 1))
Path("outputs/report.txt").write_text("all is well")
print("it ends", flush=True)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    (directory / "pkg").mkdir(parents=True)
    (directory / "train.py").write_text(SCRIPT)
    (directory / "pkg" / "data.py").write_text("def load():\n    return 1\n")
    return directory


def test_a_run_is_followed_from_the_overview_to_its_results(
    visitor, workspace: Workspace, source: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    config = ScriptRunConfig(source, script="train.py", environment_variables={"GATE": str(gate)})
    run = workspace.experiment("seen").submit(config, name="seen-run")
    page = visitor.open("/workspaces/team-a")
    under_way = page.get_by_role("region", name="Under way")
    expect(under_way.get_by_role("link", name="seen-run")).to_be_visible()
    under_way.get_by_role("link", name="seen-run").click()

    expect(page.get_by_role("heading", name="seen-run", level=1)).to_be_focused()
    expect(page).to_have_title("seen-run \u2013 AML Plugins")
    expect(page.get_by_role("log")).to_contain_text("it begins")
    gate.touch()
    run.wait_for_completion()
    expect(page.get_by_role("log")).to_contain_text("it ends")
    expect(page.locator(".title .badge")).to_have_text("Completed")
    expect(page.locator("#announcements")).to_have_text("The run is now completed.")
    expect(page.locator(".log-state")).to_have_text("Complete")
    expect(page.get_by_role("list", name="States of the run").locator("[aria-current=step]")).to_contain_text(
        "Completed"
    )
    assert page.get_by_role("log").inner_text().count("it begins") == 1

    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("img", name="loss: 5 values, lowest 0.2, highest 1, last 0.2")).to_be_visible()

    page.get_by_role("tab", name="Source").click()
    expect(page.get_by_role("region", name="Text of train.py")).to_contain_text("it begins")
    page.get_by_role("button", name="data.py").click()
    expect(page.get_by_role("region", name="Text of pkg/data.py")).to_contain_text("return 1")

    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="report.txt").click()
    assert Path(download.value.path()).read_text() == "all is well"
    assert download.value.suggested_filename == "report.txt"

    page.goto(page.url)
    expect(page.get_by_role("tab", name="Files")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("link", name="Open in MLflow")).to_have_attribute(
        "href", f"/#/experiments/{run.record.experiment_id}/runs/{run.id}?workspace=team-a"
    )
    page.go_back()
    expect(page.get_by_role("heading", name="team-a", level=1)).to_be_visible()
    expect(page.get_by_role("row", name="seen-run")).to_contain_text("Completed")


def test_runs_are_found_and_the_address_remembers_how(visitor, add_job) -> None:
    for name, experiment in (("apple", "fruit"), ("pear", "fruit"), ("leek", "vegetables")):
        add_job(name=name, experiment_name=experiment)
    page = visitor.open("/workspaces/team-a")
    rows = page.get_by_role("table", name="Runs").locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("searchbox", name="Find runs").fill("pea")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("pear")
    page.get_by_role("searchbox", name="Find runs").fill("")
    page.get_by_role("combobox", name="Experiment").select_option("fruit")
    expect(rows).to_have_count(2)
    assert page.url.endswith("/workspaces/team-a?experiment=fruit")
    page.goto(page.url)
    expect(rows).to_have_count(2)
    expect(page.get_by_role("combobox", name="Experiment")).to_have_value("fruit")
    page.get_by_role("combobox", name="State").select_option("Failed")
    expect(page.get_by_text("No run passes this filter.")).to_be_visible()


def test_further_runs_come_at_the_press_of_a_button(visitor, context, add_job) -> None:
    from dataclasses import replace

    run, _ = add_job(name="newest")
    for number in range(60):
        context.store.runs.add(replace(run, run_id=f"{number:032x}", name=f"old-{number}", created_at=1000.0 + number))
    page = visitor.open("/workspaces/team-a")
    rows = page.get_by_role("table", name="Runs").locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more").press("Enter")
    expect(rows).to_have_count(61)
    expect(page.get_by_role("link", name="old-10", exact=True)).to_be_focused()
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_a_run_is_canceled_after_a_question(visitor, context, add_job) -> None:
    run, _ = add_job(name="endless")
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    page.get_by_role("button", name="Cancel run").press("Enter")
    expect(page.get_by_role("dialog", name="Cancel this run?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel run")).to_be_focused()
    assert context.store.runs.get("team-a", run.run_id).cancel_requested_at is None
    page.get_by_role("button", name="Cancel run").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator(".title .badge")).to_have_text("Cancel requested")
    expect(page.get_by_role("button", name="Cancel requested")).to_be_disabled()
    assert context.store.runs.get("team-a", run.run_id).cancel_requested_at is not None


def test_a_log_is_shown_as_a_terminal_would(visitor, add_job) -> None:
    log = b"\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\ndone\r\nhalf"
    run, file = add_job(log)
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    lines = page.get_by_role("log").locator(".line")
    expect(lines).to_have_text(["red\n", "100%\n", "done\n", "half"])
    with file.open("ab") as more:
        more.write(b" and half\nlast\n")
    expect(lines).to_have_text(["red\n", "100%\n", "done\n", "half and half\n", "last\n"])


def test_a_long_log_shows_its_end_and_scrolling_up_stops_following(visitor, add_job) -> None:
    run, file = add_job(b"".join(b"line %d\n" % number for number in range(30_000)))
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    log = page.get_by_role("log")
    expect(log.locator(".line").last).to_have_text("line 29999\n")
    expect(page.get_by_text("Earlier lines are left out here")).to_be_visible()
    assert log.locator(".line").count() <= 5000
    expect(page.get_by_role("checkbox", name="Follow")).to_be_checked()
    log.evaluate("node => { node.scrollTop = 100; }")
    expect(page.get_by_role("checkbox", name="Follow")).not_to_be_checked()
    with file.open("ab") as more:
        more.write(b"newest\n")
    expect(log.locator(".line").last).to_have_text("newest\n")
    assert log.evaluate("node => node.scrollTop") < 200


def test_a_log_goes_on_when_the_server_was_killed_and_is_back(visitor, aml_server, add_job) -> None:
    run, file = add_job(b"one\n")
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    expect(page.get_by_role("log")).to_contain_text("one")
    aml_server.kill()
    expect(page.locator(".log-state")).to_contain_text("Interrupted")
    with file.open("ab") as more:
        more.write(b"two\n")
    aml_server.start()
    expect(page.get_by_role("log").locator(".line")).to_have_text(["one\n", "two\n"], timeout=60_000)
    expect(page.locator(".log-state")).to_have_text("Live")


def test_child_runs_lead_to_where_they_are(visitor, context, add_job) -> None:
    run, _ = add_job(name="parent")
    opened = uuid.uuid4().hex
    context.history("team-a").create_run(
        opened, run.experiment_id, name="opened-by-script", tags={}, parent_run_id=run.run_id
    )
    child, _ = add_job(name="submitted-below", parent_run_id=run.run_id)
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}?tab=children")
    link = page.get_by_role("link", name="opened-by-script")
    expect(link).to_have_attribute("href", f"/#/experiments/{run.experiment_id}/runs/{opened}?workspace=team-a")
    page.get_by_role("link", name="submitted-below").click()
    expect(page.get_by_role("heading", name="submitted-below", level=1)).to_be_visible()
    page.get_by_role("link", name=run.run_id[:8]).click()
    expect(page.get_by_role("heading", name="parent", level=1)).to_be_visible()
    assert child.parent_run_id == run.run_id


def test_metrics_that_come_later_are_drawn(visitor, context, add_job) -> None:
    run, _ = add_job()
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}?tab=metrics")
    expect(page.get_by_text("No metric was logged.")).to_be_visible()
    points = [Metric("late", value, value, value) for value in (1, 2)]
    context.history("team-a").log(run.run_id, metrics=points)
    expect(page.get_by_role("img", name="late: 2 values")).to_be_visible()


def test_a_tasks_page_follows_it(visitor, context, add_job) -> None:
    from aml_plugins.store.records import TaskRecord

    run, _ = add_job()
    task = TaskRecord(workspace="team-a", task_id="build", kind="environment", subject=run.run_id, state="Running")
    context.store.tasks.put(task, message="Solving.")
    page = visitor.open("/workspaces/team-a/tasks/build")
    expect(page.get_by_text("Solving.").first).to_be_visible()
    from dataclasses import replace

    context.store.tasks.put(replace(task, state="Completed", progress=1.0), message="Ready.")
    expect(page.locator(".card .badge")).to_have_text("Completed")
    expect(page.get_by_text("Ready.").first).to_be_visible()


@pytest.mark.parametrize("path", ["/workspaces/team-a/runs/" + "0" * 32, "/workspaces/nobody", "/what/is/this"])
def test_what_is_not_there_is_said_to_be_not_there(visitor, path: str) -> None:
    page = visitor.open(path)
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()
    page.get_by_role("link", name="AML Plugins").click()
    expect(page.get_by_role("heading", name="Workspaces")).to_be_visible()
