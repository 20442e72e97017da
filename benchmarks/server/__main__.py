"""Measure the server: ``python benchmarks/server [--database URI] [PART ...]`` with parts ``start``, ``requests``,
``crowd``, ``shell``, ``memory``.

``--database`` takes an empty database, ``aml+postgresql://…``, for the parts ``requests``, ``crowd`` and ``shell``; the
others, and these by default, are measured on SQLite. The variable ``PEERS`` names a Python that has torchx: it takes
turns with ours in the part ``shell``, and so does another version of ours whose Python the variable ``BEFORE`` names.
``ROUNDS`` says how many turns there are there.

Every figure is a ratio to what one has without our server, or a count of what must be none.
"""

from __future__ import annotations

import argparse
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

from crowd import crowd, server_errors  # noqa: E402  the path is set above
from memory import measure  # noqa: E402  as above
from requests_measured import CASES, compare  # noqa: E402  as above
from services.aml_server import AmlServer, running_aml_server  # noqa: E402  as above
from shell import first_lines_and_ends, seconds_of  # noqa: E402  as above
from start import start_seconds  # noqa: E402  as above


def main() -> None:
    warnings.simplefilter("ignore")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    parts = {"start": _start, "requests": _requests, "crowd": _crowd, "shell": _shell, "memory": _memory}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", default=[], help=f"{', '.join(parts)}; all by default")
    parser.add_argument("--database", help="an empty database, aml+postgresql://…; SQLite by default")
    wanted = parser.parse_args()
    for name in wanted.parts:
        if name not in parts:
            parser.error(f"there is no part '{name}'; there are: {', '.join(parts)}")
    for name in wanted.parts or parts:
        print(f"\n## {name}\n", flush=True)
        parts[name](wanted.database)


def _start(_: str | None) -> None:
    found: dict[str, list[float]] = {"mlflow server": [], "aml server": []}
    for _ in range(3):
        for name, seconds in found.items():
            with tempfile.TemporaryDirectory() as directory:
                seconds.append(start_seconds(name, Path(directory)))
    plain, ours = (statistics.median(seconds) for seconds in found.values())
    print(f"to the first answer, an empty SQLite database: {ours:.1f} s, {ours / plain:.2f} times plain mlflow server")


def _requests(database: str | None) -> None:
    print(f"{'':<34}{'SQL p50':>10}{'REST p50':>10}{'ratio':>8}{'SQL p99':>10}{'REST p99':>10}{'ratio':>8}   (ms)")
    with _server(database) as server:
        for case in CASES:
            sql, rest = compare(case, server)
            print(f"{case.name:<34}" + "".join(_pair(_quantile(sql, q), _quantile(rest, q)) for q in (0.5, 0.99)))


def _pair(sql: float, rest: float) -> str:
    return f"{sql * 1000:>10.2f}{rest * 1000:>10.2f}{rest / sql:>7.1f}x"


def _crowd(database: str | None) -> None:
    with _server(database) as server:
        result = crowd(server.url, clients=50, rounds=10)
        refused = server_errors(server.log)
    print(f"50 clients at once, each submits, writes and lists 10 times: {result.requests} requests")
    print(f"  {result.requests / result.seconds:.0f} requests a second")
    print(f"  p50 {_quantile(result.taken, 0.5) * 1000:.0f} ms, p99 {_quantile(result.taken, 0.99) * 1000:.0f} ms")
    print(f"  answers of 500 and more: {refused}, requests that failed: {result.failed}")
    print(f"  lost updates: {result.lost}, runs made twice: {result.doubled}")


def _shell(database: str | None) -> None:
    with _server(database) as server, tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "AML_STORE_URI": server.url, "AML_HOME": home}
        lists = seconds_of([str(Path(sys.executable).with_name("aml")), "run", "list"], environment)
        floor = seconds_of([sys.executable, "-c", "pass"], environment)
        others = os.environ.get("PEERS"), os.environ.get("BEFORE")
        found = first_lines_and_ends(environment, Path(home), *others, rounds=int(os.environ.get("ROUNDS", "11")))
    print(f"aml run list: {lists:.3f} s, {lists / floor:.1f} times plain python start")
    for name, taken in found.items():
        used = f", {taken.processor:.3f} s of processor time before the first line" if taken.processor else ""
        print(f"{name}: first line after {taken.first_line:.3f} s, end after {taken.end:.3f} s{used}")


def _memory(_: str | None) -> None:
    found = measure()
    print(f"{'watched runs':>12}{'MiB before':>12}{'MiB after':>11}{'MiB a 1,000':>13}{'CPU s a round':>15}")
    for number, told in found.items():
        each = (told["after"] - told["before"]) / number * 1000 if number else 0.0
        print(f"{number:>12,}{told['before']:>12.1f}{told['after']:>11.1f}{each:>13.2f}{told['round']:>15.3f}")


def _quantile(seconds: Sequence[float], quantile: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * quantile))]


@contextmanager
def _server(database: str | None) -> Iterator[AmlServer]:
    with (
        tempfile.TemporaryDirectory() as directory,
        running_aml_server(Path(directory) / "server", store_uri=database) as server,
    ):
        yield server


if __name__ == "__main__":
    main()
