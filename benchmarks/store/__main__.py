"""Compare the store with the fast overrides with MLflow's own: ``python benchmarks/store``.

Both stores run in one process, round by round in turn, each on a database of its own with the same content and the
same settings. A figure is the median round; a ratio above 1 says how many times faster the overrides are.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

from cases import CASES, Case
from databases import databases, use_wal


def main() -> None:
    arguments = _arguments()
    _with_byte_code()
    warnings.simplefilter("ignore")
    print(
        f"median of the rounds; sqlite {'in WAL mode, synchronous=NORMAL' if arguments.wal else 'as MLflow opens it'}"
    )
    for kind in arguments.databases.split(","):
        print(f"\n{kind:<52}{'MLflow':>12}{'fast':>12}{'ratio':>9}")
        with databases(kind) as new_database, tempfile.TemporaryDirectory() as artifacts:
            stores = [store_class(new_database(), artifacts) for store_class in _store_classes()]
            if arguments.wal and kind == "sqlite":
                for store in stores:
                    use_wal(store.engine)
            for case in CASES:
                if arguments.only in case.name:
                    _report(case, *_measure(case, stores))
            for store in stores:
                store.engine.dispose()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--wal", action="store_true", help="SQLite with a write-ahead log, for both stores")
    return parser.parse_args()


def _with_byte_code() -> None:
    """Start again where the environment forbids byte-code: imports would be measured with the first call."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _store_classes() -> list[type]:
    # After the restart, which decides whether importing them is slow.
    from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore

    from aml_plugins.mlflow_store.fast.tracking import FastTracking

    return [WorkspaceAwareSqlAlchemyStore, type("FastStore", (FastTracking, WorkspaceAwareSqlAlchemyStore), {})]


def _measure(case: Case, stores: list[Any]) -> list[float]:
    acts = [case.prepare(store) for store in stores]
    for act in acts:
        act()  # statements are compiled and pages are read once
    seconds: list[list[float]] = [[] for _ in acts]
    for round_ in range(case.rounds):
        for index in (0, 1) if round_ % 2 else (1, 0):
            seconds[index].append(_time(acts[index]))
    return [statistics.median(taken) for taken in seconds]


def _time(act: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _report(case: Case, plain: float, fast: float) -> None:
    shown = [seconds * 1000 if case.unit == "ms" else case.items / seconds for seconds in (plain, fast)]
    figures = "".join(f"{f'{figure:,.1f}' if figure < 100 else f'{figure:,.0f}':>12}" for figure in shown)
    print(f"{f'{case.name} ({case.unit})':<52}{figures}{plain / fast:>8.1f}x", flush=True)


if __name__ == "__main__":
    main()
