"""Measure the server: ``python benchmarks/server [PART ...]`` with parts ``start``, ``requests``, ``crowd``, ``shell``.

The variable ``PEERS`` names a Python that has torchx: it takes turns with ours in the part ``shell``.

Every figure is a ratio to what one has without our server, or a count of what must be none.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from crowd import crowd  # noqa: E402  the path is set above
from requests_measured import CASES, compare  # noqa: E402  as above
from services.aml_server import AmlServer, running_aml_server  # noqa: E402  as above
from shell import first_lines_and_ends, seconds_of  # noqa: E402  as above
from start import start_seconds  # noqa: E402  as above


def main() -> None:
    warnings.simplefilter("ignore")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parts = {"start": _start, "requests": _requests, "crowd": _crowd, "shell": _shell}
    for name in sys.argv[1:] or parts:
        print(f"\n## {name}\n", flush=True)
        parts[name]()


def _start() -> None:
    found: dict[str, list[float]] = {"mlflow server": [], "aml server": []}
    for _ in range(3):
        for name, seconds in found.items():
            with tempfile.TemporaryDirectory() as directory:
                seconds.append(start_seconds(name, Path(directory)))
    plain, ours = (statistics.median(seconds) for seconds in found.values())
    print(f"to the first answer, an empty SQLite database: {ours:.1f} s, {ours / plain:.2f} times plain mlflow server")


def _requests() -> None:
    print(f"{'':<34}{'SQL p50':>10}{'REST p50':>10}{'ratio':>8}{'SQL p99':>10}{'REST p99':>10}{'ratio':>8}   (ms)")
    with _server() as server:
        for case in CASES:
            sql, rest = compare(case, server)
            print(f"{case.name:<34}" + "".join(_pair(_quantile(sql, q), _quantile(rest, q)) for q in (0.5, 0.99)))


def _pair(sql: float, rest: float) -> str:
    return f"{sql * 1000:>10.2f}{rest * 1000:>10.2f}{rest / sql:>7.1f}x"


def _crowd() -> None:
    with _server() as server:
        result = crowd(server.url, clients=50, rounds=10)
    print(f"50 clients at once, each submits, writes and lists 10 times: {result.requests} requests")
    print(f"  {result.requests / result.seconds:.0f} requests a second")
    print(f"  p50 {_quantile(result.taken, 0.5) * 1000:.0f} ms, p99 {_quantile(result.taken, 0.99) * 1000:.0f} ms")
    print(f"  failed: {result.failed}, lost updates: {result.lost}, runs made twice: {result.doubled}")


def _shell() -> None:
    with _server() as server, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AML_STORE_URI": server.url, "AML_HOME": home}
        lists = seconds_of([sys.executable, "-m", "aml_plugins.cli", "run", "list"], environment)
        floor = seconds_of([sys.executable, "-c", "pass"], environment)
        found = first_lines_and_ends(environment, Path(home), os.environ.get("PEERS"))
    print(f"aml run list: {lists:.3f} s, {lists / floor:.1f} times plain python start")
    for name, (first, end) in found.items():
        print(f"{name}: first line after {first:.3f} s, end after {end:.3f} s")


def _quantile(seconds: Sequence[float], quantile: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * quantile))]


@contextmanager
def _server() -> Iterator[AmlServer]:
    with tempfile.TemporaryDirectory() as directory, running_aml_server(Path(directory) / "server") as server:
        yield server


if __name__ == "__main__":
    main()
