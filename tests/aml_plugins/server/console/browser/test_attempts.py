"""What the page of a run that was tried again shows, and the way to the target's own page."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Queue

import pytest
from playwright.sync_api import expect

from aml_plugins import Run, RunConfiguration, ScriptRunConfig, Workspace
from aml_plugins.runs.attempts import LINK

pytestmark = pytest.mark.timeout(300)
SLOWLY = 60_000  # milliseconds

SCRIPT = """
import os, sys, time
import threading
from pathlib import Path
from queue import Queue
gates = Path(os.environ["GATES"])
attempt = 2 if (gates / "begun").exists() else 1
(gates / "begun").touch()
print("this is try", attempt, flush=True)
while not (gates / str(attempt)).exists():
    time.sleep(0.02)
sys.exit(3 if attempt == 1 else 0)
"""


BEGIN_AGAIN = "document.querySelector('log-view').add({attempt: 2, generation: 7, start: 0, text: 'anew'})"


def _submit_and_wait(workspace: Workspace, config: ScriptRunConfig, submitted: Queue[Run]) -> None:
    """Drive the run beside the browser: who submitted it holds its lease."""
    run = workspace.experiment("seen").submit(config, name="tried-run")
    submitted.put(run)
    run.wait_for_completion()


def test_earlier_attempts_are_shown_with_their_reasons(visitor, workspace: Workspace, tmp_path: Path) -> None:
    source, gates = tmp_path / "source", tmp_path / "gates"
    source.mkdir()
    gates.mkdir()
    (source / "train.py").write_text(SCRIPT)
    config = ScriptRunConfig(
        source,
        script="train.py",
        environment_variables={"GATES": str(gates)},
        run_config=RunConfiguration(script="train.py", retries=1),
    )
    submitted: Queue[Run] = Queue()
    driver = threading.Thread(target=_submit_and_wait, args=(workspace, config, submitted), daemon=True)
    driver.start()
    run = submitted.get(timeout=SLOWLY / 1000)
    page = visitor.open(f"/workspaces/team-a/runs/{run.id}")
    log, facts = page.get_by_role("log"), page.locator("dl > div")
    expect(log).to_contain_text("this is try 1")
    expect(facts.filter(has=page.get_by_text("Attempt", exact=True))).to_have_count(0)
    (gates / "1").touch()
    expect(log).to_contain_text("this is try 2")
    expect(log).not_to_contain_text("this is try 1")
    expect(page.locator("#announcements")).to_contain_text("Attempt 2 has begun.")
    expect(facts.filter(has=page.get_by_text("Attempt", exact=True)).locator("dd")).to_have_text("2")
    earlier = facts.filter(has=page.get_by_text("Attempt 1", exact=True)).locator("dd")
    expect(earlier).to_contain_text("Failed: ")
    expect(earlier).to_contain_text("exit code 3")
    (gates / "2").touch()
    expect(page.locator(".title .badge")).to_have_text("Completed")
    expect(earlier).to_contain_text("exit code 3")
    driver.join()
    page.evaluate(BEGIN_AGAIN)  # as the stream tells it of a target that begins jobs again: local is none
    expect(log).to_have_text(
        "The machine was lost, and the compute target began the run again. Its log from the beginning:anew"
    )


def test_the_targets_own_page_is_opened_from_the_runs(visitor, add_job) -> None:
    link = f"{visitor.url}/health"
    run, _ = add_job(name="on-a-cluster", cursors={LINK: link})
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    shown = page.get_by_role("link", name=link)
    expect(shown).to_have_attribute("rel", "noreferrer")
    shown.click()
    page.wait_for_url(link)
    expect(page.locator("body")).to_have_text("OK")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "//elsewhere", ""])
def test_what_is_no_page_is_not_linked(visitor, add_job, link: str) -> None:
    run, _ = add_job(name="odd", cursors={LINK: link})
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    expect(page.get_by_text("Run id")).to_be_visible()
    expect(page.get_by_text("On the target")).to_have_count(0)


def test_a_strangers_reason_is_text(visitor, add_job) -> None:
    lost = {"number": 1, "reason": "<img src=x onerror=alert(1)>", "lost": True, "exit_code": None, "job": None}
    lost |= {"started_at": None, "ended_at": None, "state": "Failed"}
    run, _ = add_job(name="again", attempt=2, cursors={"attempts": [lost]})
    page = visitor.open(f"/workspaces/team-a/runs/{run.run_id}")
    expect(page.get_by_text("Lost its machine: <img src=x onerror=alert(1)>")).to_be_visible()
    expect(page.locator("main img[src=x]")).to_have_count(0)
