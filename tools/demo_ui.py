"""Show the demo's runs in the MLflow UI: start MLflow's own server on our store and look through its REST API."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aml_plugins.home import resolve_store_uri

START_SECONDS = 180
WORKSPACE = "demo"
LATER = "http://127.0.0.1:5000"  # where `mlflow server` listens when nobody says otherwise


def main(run_id: str) -> None:
    """Start the server, check that everything shows, and say what to open and what to type next."""
    store = resolve_store_uri()
    stays = sys.stdin.isatty() and sys.stdout.isatty()
    print("\nStarting the MLflow server ...", flush=True)
    with running_server(store) as base:
        run = _get(base, f"runs/get?run_id={run_id}")["run"]
        _say(run, _children(base, run), _files(base, run_id))
        page = f"/#/experiments/{run['info']['experiment_id']}/runs/{run_id}?workspace={WORKSPACE}"
        _next(store, run_id, None if stays else f"{LATER}{page}")
        if stays:
            print(f"\nOpen  {base}{page}\nThe MLflow server runs until you press Ctrl-C.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()


@contextmanager
def running_server(store: str) -> Iterator[str]:
    """Run an MLflow server on the store while the block does; yields its address."""
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--enable-workspaces"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen(
        command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_until_up(process, f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(process: subprocess.Popen[bytes], base: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/health", timeout=5)
        except (OSError, urllib.error.URLError):
            time.sleep(0.3)
        else:
            return
    sys.exit("The MLflow server did not start. Try: aml doctor")


def _get(base: str, path: str, body: dict[str, object] | None = None) -> dict[str, dict]:
    request = urllib.request.Request(
        f"{base}/api/2.0/mlflow/{path}",
        data=json.dumps(body).encode() if body else None,
        headers={"X-MLFLOW-WORKSPACE": WORKSPACE, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _children(base: str, run: dict) -> list[dict]:
    wanted = {
        "experiment_ids": [run["info"]["experiment_id"]],
        "filter": f"tags.mlflow.parentRunId = '{run['info']['run_id']}'",
        "order_by": ["metrics.accuracy DESC"],
    }
    return _get(base, "runs/search", wanted).get("runs", [])


def _files(base: str, run_id: str) -> list[str]:
    found = []
    for folder in ("outputs", "logs", "snapshot"):
        listed = _get(base, f"artifacts/list?run_id={run_id}&path={folder}").get("files", [])
        found += [file["path"] for file in listed]
    missing = {"outputs/model.pkl", "logs/std_log.txt", "snapshot/snapshot.zip"} - set(found)
    if missing:
        sys.exit(f"The MLflow server does not show {', '.join(sorted(missing))}.")
    return found


def _say(run: dict, children: list[dict], files: list[str]) -> None:
    info = run["info"]
    print(f"\nThe MLflow UI shows the run {info['run_name']} ({info['status']}) and {len(children)} child runs:")
    for child in children:
        metrics = {metric["key"]: metric["value"] for metric in child["data"]["metrics"]}
        print(f"  {child['info']['run_name']:<14} accuracy {metrics['accuracy']:.3f}  alpha {metrics['alpha']}")
    print(f"with {', '.join(files)}")


def _next(store: str, run_id: str, page: str | None) -> None:
    """Print commands that can be copied as they are, into a shell that this environment is not active in."""
    print("\nType next:")
    activate = Path(sys.prefix) / "bin" / "activate"
    if activate.is_file() and not os.environ.get("VIRTUAL_ENV"):
        print(f"  . {os.path.relpath(activate)}")
    print(f"  aml run snapshot {run_id[:8]} -w {WORKSPACE}    # the exact source that ran")
    print(
        f"  aml run submit docs/examples/iris --script train.py --target demo-box -w {WORKSPACE} --wait -- --alpha 0.5"
    )
    print(f"  mlflow server --backend-store-uri {store} --enable-workspaces")
    if page:
        print(f"and open {page}")


if __name__ == "__main__":
    main(sys.argv[1])
