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
from contextlib import contextmanager

from aml_plugins.home import resolve_store_uri

START_SECONDS = 180
WORKSPACE = "demo"


def main(run_id: str) -> None:
    """Start the server, check that everything shows, and say what to open and what to type next."""
    store = resolve_store_uri()
    port = _free_port()
    with _server(store, port) as process:
        base = f"http://127.0.0.1:{port}"
        _wait_until_up(process, base)
        run = _get(base, f"runs/get?run_id={run_id}")["run"]
        children = _children(base, run)
        files = _files(base, run_id)
        _say(base, run, children, files)
        _next(store, run_id)
        if sys.stdin.isatty() and sys.stdout.isatty():
            print("\nThe MLflow server runs until you press Ctrl-C.", flush=True)
            process.wait()


@contextmanager
def _server(store: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--enable-workspaces"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    print("\nStarting the MLflow server ...", flush=True)
    process = subprocess.Popen(
        command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    except KeyboardInterrupt:
        print()
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


def _say(base: str, run: dict, children: list[dict], files: list[str]) -> None:
    info = run["info"]
    print(f"\nThe MLflow UI shows the run {info['run_name']} ({info['status']}) and {len(children)} child runs:")
    for child in children:
        metrics = {metric["key"]: metric["value"] for metric in child["data"]["metrics"]}
        print(f"  {child['info']['run_name']:<14} accuracy {metrics['accuracy']:.3f}  alpha {metrics['alpha']}")
    print(f"with {', '.join(files)}")
    print(f"\nOpen  {base}/#/experiments/{info['experiment_id']}/runs/{info['run_id']}?workspace={WORKSPACE}")


def _next(store: str, run_id: str) -> None:
    print("\nType next:")
    print(f"  mlflow server --backend-store-uri {store} --enable-workspaces    # this UI again")
    print(f"  aml run snapshot {run_id[:8]} -w {WORKSPACE}                    # the exact source that ran")
    print("  aml run submit docs/examples/iris --script train.py --target demo-box -w demo --wait -- --alpha 0.5")


if __name__ == "__main__":
    main(sys.argv[1])
