"""A real server, a real Chromium, and runs that the server's machine can see."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from services.aml_server import AmlServer
from services.browsing import launched

from aml_plugins import Workspace
from aml_plugins.context import Context, open_context
from aml_plugins.home import home_id
from aml_plugins.store.records import RunRecord

SLOWLY = 30_000  # milliseconds; how long something may take that always comes


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, aml_server: AmlServer) -> None:
    """Work beside the server: on its database, in its home."""
    for name in list(os.environ):
        if name.startswith(("AML_", "MLFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AML_HOME", str(aml_server.directory / "home"))
    monkeypatch.setenv("AML_AUTO_MONITOR", "0")
    aml_server.empty()


@pytest.fixture
def workspace(aml_server: AmlServer) -> Iterator[Workspace]:
    opened = Workspace.get("team-a", store=aml_server.store_uri)
    yield opened
    opened.close()


@pytest.fixture
def context(aml_server: AmlServer) -> Iterator[Context]:
    opened = open_context(aml_server.store_uri)
    yield opened
    opened.close()


@pytest.fixture
def add_job(context: Context) -> Callable[..., tuple[RunRecord, Path]]:
    """A run whose job is a directory that the test writes; returns the run and the file of its log."""

    def add(log: bytes = b"", **fields: Any) -> tuple[RunRecord, Path]:
        key = f"aml-{uuid.uuid4().hex}-1"
        job = context.home / "targets" / "team-a" / "local" / "jobs" / key
        job.mkdir(parents=True)
        (job / "std_log.txt").write_bytes(log)
        handle = {"backend": "local", "target": "local", "job_id": key, "data": {}, "version": 1}
        known = {"run_id": uuid.uuid4().hex, "workspace": "team-a", "experiment_name": "iris", "state": "Running"}
        known |= {"target": "local", "target_type": "local", "script": "train.py", "config": {}, "handle": handle}
        known |= {"source": {"home": home_id(context.home)}}
        record = {**known, **fields}
        history = context.history("team-a")
        record["experiment_id"] = history.ensure_experiment(record["experiment_name"])
        history.create_run(record["run_id"], record["experiment_id"], name=record.get("name"), tags={})
        return context.store.runs.add(RunRecord(**record), message="Submitted."), job / "std_log.txt"

    return add


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser; not for longer, for as long as Playwright runs nothing else has an event loop in this thread."""
    with launched() as started:
        yield started


@dataclass
class Visitor:
    """Somebody at the console, and what their browser noticed.

    :param complaints: what must never be: errors of scripts, broken policies, dialogs, requests to elsewhere.
    """

    page: Page
    url: str
    complaints: list[str]

    def open(self, path: str = "/") -> Page:
        self.page.goto(f"{self.url}/aml{path}")
        expect(self.page.locator("main:not([aria-busy]) h1")).to_be_visible()
        return self.page


@pytest.fixture
def visit(chromium: Browser, aml_server: AmlServer) -> Iterator[Callable[..., Visitor]]:
    """Open a browser's window; at the end nothing was amiss in any of them."""
    expect.set_options(timeout=SLOWLY)
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def begin(**options: Any) -> Visitor:
        made = chromium.new_context(**{"viewport": {"width": 1300, "height": 900}, "locale": "en-GB", **options})
        made.set_default_timeout(SLOWLY)
        contexts.append(made)
        visitors.append(Visitor(made.new_page(), aml_server.url, []))
        _watch(visitors[-1])
        return visitors[-1]

    yield begin
    for visitor in visitors:
        assert visitor.complaints == []
    for made in contexts:
        made.close()


def _watch(visitor: Visitor) -> None:
    page, complaints = visitor.page, visitor.complaints
    page.on("request", lambda request: _check(request.url, visitor))
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda said: complaints.append(f"console: {said.text}") if _is_bad(said) else None)


def _is_bad(said: Any) -> bool:
    # That a server is away for a moment, or says no, the browser notes by itself.
    return said.type == "error" and "Failed to load resource" not in said.text


def _check(url: str, visitor: Visitor) -> None:
    if not url.startswith((f"{visitor.url}/", "blob:")):
        visitor.complaints.append(f"elsewhere: {url}")


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    return visit()
