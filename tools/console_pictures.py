"""Pictures of the console for docs/how-to/use-the-console.md; ``tools/screenshots.py`` takes them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from console_service import NAME, called_service
from PIL import Image
from playwright.sync_api import Browser, Page

from aml_plugins import Run, ScriptRunConfig, Workspace
from aml_plugins.errors import AmlError

START_SECONDS = 180
WORKSPACE = "vision-team"
TRAIN = '''\
"""Train a detector of surface defects."""

import argparse
import math
import time

from azureml.core import Run

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--pause", type=float, default=0.0)
parser.add_argument("--column", default="label")
arguments = parser.parse_args()

run = Run.get_context()
for epoch in range(arguments.epochs):
    loss = math.exp(-epoch / 12) + 0.03 * math.sin(epoch)
    accuracy = 1 - math.exp(-epoch / 9)
    run.log("loss", loss)
    run.log("accuracy", accuracy)
    print(f"epoch {epoch:3d}   loss {loss:.4f}   accuracy {accuracy:.4f}", flush=True)
    time.sleep(arguments.pause)
if arguments.column != "label":
    raise SystemExit(f"the data has no column '{arguments.column}'")
'''


def take_console_pictures(browser: Browser, home: Path, directory: Path) -> None:
    """Write the pictures: a workspace and a running run, in light and in dark."""
    workspace = Workspace.create(WORKSPACE)
    workspace.attach_compute("local", "workstation")
    source = _source(home)
    for name, experiment in (("baseline", "defects"), ("wider-net", "defects"), ("no-augmentation", "ablation")):
        _submit(workspace, source, name, experiment).wait_for_completion()
    _submit(workspace, source, "new-columns", "defects", "--column", "kind").wait_for_completion(raise_on_error=False)
    with called_service(workspace, home), _served(home) as base, _going_on(workspace, source) as run:
        pages = f"{base}/aml/workspaces/{WORKSPACE}"
        _take(browser, pages, "light", directory / "console-overview.png", "Under way")
        _take(browser, f"{pages}/runs/{run.id}", "light", directory / "console-run.png", "epoch  30")
        _take(browser, f"{pages}/runs/{run.id}?tab=metrics", "dark", directory / "console-metrics.png", "Last values")
        service = f"{pages}/services/{NAME}"
        _take(browser, service, "light", directory / "console-service.png", "since the versions started", seconds=45)
        _take(browser, f"{service}?tab=try", "dark", directory / "console-try.png", "The least probability", send=True)
    workspace.close()


def _source(home: Path) -> Path:
    source = home / "defects"
    (source / "data").mkdir(parents=True)
    (source / "train.py").write_text(TRAIN)
    (source / "data" / "loading.py").write_text('"""Read the pictures."""\n')
    return source


def _submit(workspace: Workspace, source: Path, name: str, experiment: str, *arguments: str) -> Run:
    config = ScriptRunConfig(source, script="train.py", arguments=arguments, compute_target="workstation")
    return workspace.experiment(experiment).submit(config, name=name)


@contextmanager
def _going_on(workspace: Workspace, source: Path) -> Iterator[Run]:
    """Yield a run that goes on while the block does."""
    run = _submit(workspace, source, "larger-pictures", "defects", "--epochs", "400", "--pause", "0.3")
    workspace.driver.release()  # a thread has a driver of its own
    driven = threading.Thread(target=run.wait_for_completion, kwargs={"raise_on_error": False})
    driven.start()
    try:
        yield run
    finally:
        run.workspace.context.store.runs.request_cancel(workspace.name, run.id)
        driven.join()


@contextmanager
def _served(home: Path) -> Iterator[str]:
    port = "5057"
    command = [sys.executable, "-m", "aml_plugins.cli", "server", "--port", port, "--no-monitor"]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=quiet, stdout=log, stderr=log, start_new_session=True)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(process, base)
        yield base
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _wait(process: subprocess.Popen[bytes], base: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{base}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise AmlError("The server did not start.", "Look at server.log.")


def _take(
    browser: Browser, address: str, scheme: str, picture: Path, wanted: str, *, seconds: float = 1.5, send: bool = False
) -> None:
    page: Page = browser.new_page(
        viewport={"width": 1200, "height": 740}, color_scheme=scheme, locale="en-GB", timezone_id="UTC"
    )
    page.goto(address)
    page.get_by_text(wanted).first.wait_for(timeout=60_000)
    if send:
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Status 200").wait_for(timeout=60_000)
    page.wait_for_timeout(seconds * 1000)  # until bars and lines have come to rest; a picture is no test
    page.screenshot(path=picture)
    page.close()
    with Image.open(picture) as taken:  # a page has few colours: a palette takes a third of the bytes
        taken.convert("RGB").quantize(128).save(picture, optimize=True)
    print(picture, f"{picture.stat().st_size >> 10} KiB")
