"""How fast the console shows things: ``python benchmarks/console [--runs 10000] [--database postgresql://…]``.

First paint: what the server takes for the requests of a page, with many runs in the database, and what a browser makes
of it. Log: from a script's ``print`` to the line in the browser. Needs Chromium (``tools/chromium install``).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from latency import log_latencies
from paint import CHROMIUM, paint_times
from rows import WORKSPACE, fill
from serving import running

LOOKS = 60


def main() -> None:
    arguments = _arguments()
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):  # imports would be measured with the first call
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    with tempfile.TemporaryDirectory(prefix="aml-bench-") as name:
        directory = Path(name)
        os.environ["AML_HOME"] = str(directory / "home")
        store_uri = arguments.database or f"aml+sqlite:///{directory}/aml.db"
        newest = fill(store_uri, arguments.runs)
        with running(directory, store_uri) as url:
            print(f"{arguments.runs:,} runs in {store_uri.partition(':')[0]}; milliseconds")
            for title, path in _requests(newest):
                _report(title, [_asked(url + path) for _ in range(LOOKS)])
            if CHROMIUM:
                _report("browser: from navigation to the rows of runs", paint_times(url, WORKSPACE))
                _report("from print to the line in the browser", log_latencies(url, store_uri))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--database", help="an empty database, aml+postgresql://…; SQLite by default")
    return parser.parse_args()


def _requests(newest: str) -> list[tuple[str, str]]:
    console = f"/api/2.0/aml/console/workspaces/{WORKSPACE}"
    return [
        ("server: the document", "/aml/"),
        ("server: the overview's data", f"{console}/overview"),
        ("server: the overview, filtered by a text", f"{console}/overview?text=run-123"),
        ("server: the overview, a text that nothing has", f"{console}/overview?text=nothing-has-this"),
        ("server: a run's data", f"{console}/runs/{newest}"),
    ]


def _asked(address: str) -> float:
    start = time.perf_counter()
    with urllib.request.urlopen(address, timeout=60) as answer:
        answer.read()
    return (time.perf_counter() - start) * 1000


def _report(title: str, taken: Sequence[float]) -> None:
    ordered = sorted(taken)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    figures = f"first {taken[0]:7.1f}   p50 {statistics.median(taken):7.1f}   p95 {p95:7.1f}   max {ordered[-1]:7.1f}"
    print(f"{title:<52}{figures}", flush=True)


if __name__ == "__main__":
    main()
