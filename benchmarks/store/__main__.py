"""Compare the store with the fast overrides with MLflow's own: ``python benchmarks/store``.

Both stores run in one process, round by round in turn, each on a database of its own with the same content and the
same settings. A figure is the median round; a ratio above 1 says how many times faster the overrides are.
``--processor-time`` measures that instead of the clock's time: for SQLite, on a machine that does other work besides.

``--through-server`` puts ``mlflow server`` and MLflow's own client in between: on ``sqlite://`` for MLflow, on
``aml+sqlite://`` (the whole adapter, write-ahead log and our tables included) for ours.
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
from contextlib import ExitStack
from typing import Any

from cases import CASES, Case
from databases import databases, use_wal
from servers import client_of_server


def main() -> None:
    arguments = _arguments()
    _with_byte_code()
    clock = time.process_time if arguments.processor_time else time.perf_counter
    warnings.simplefilter("ignore")
    print(
        f"median of the rounds; sqlite {'in WAL mode, synchronous=NORMAL' if arguments.wal else 'as MLflow opens it'}"
    )
    if arguments.through_server:
        _through_server(arguments.only)
        return
    for kind in arguments.databases.split(","):
        print(f"\n{kind:<52}{'MLflow':>12}{'fast':>12}{'ratio':>9}")
        with databases(kind) as new_database, tempfile.TemporaryDirectory() as artifacts:
            stores = [store_class(new_database(), artifacts) for store_class in _store_classes()]
            if arguments.wal and kind == "sqlite":
                for store in stores:
                    use_wal(store.engine)
            for case in CASES:
                if arguments.only in case.name:
                    _report(case, *_measure(case, stores, clock))
            for store in stores:
                store.engine.dispose()


def _through_server(only: str) -> None:
    print(f"\n{'through mlflow server, sqlite':<52}{'MLflow':>12}{'ours':>12}{'ratio':>9}")
    with databases("sqlite") as new_database, ExitStack() as servers:
        uris = [new_database(), f"aml+{new_database()}"]
        clients = [servers.enter_context(client_of_server(uri)) for uri in uris]
        for case in CASES:
            if only in case.name and case.over_rest:
                _report(case, *_measure(case, clients, time.perf_counter))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--processor-time", action="store_true", help="not the clock's; this process's alone")
    parser.add_argument("--through-server", action="store_true", help="with mlflow server in between, on SQLite")
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


def _measure(case: Case, stores: list[Any], clock: Callable[[], float]) -> list[float]:
    acts = [case.prepare(store) for store in stores]
    for act in acts:
        act()  # statements are compiled and pages are read once
    seconds: list[list[float]] = [[] for _ in acts]
    for round_ in range(case.rounds):
        for index in (0, 1) if round_ % 2 else (1, 0):
            seconds[index].append(_time(acts[index], clock))
    return [statistics.median(taken) for taken in seconds]


def _time(act: Callable[[], Any], clock: Callable[[], float]) -> float:
    gc.collect()
    start = clock()
    act()
    return clock() - start


def _report(case: Case, plain: float, fast: float) -> None:
    shown = [seconds * 1000 if case.unit == "ms" else case.items / seconds for seconds in (plain, fast)]
    figures = "".join(f"{f'{figure:,.1f}' if figure < 100 else f'{figure:,.0f}':>12}" for figure in shown)
    print(f"{f'{case.name} ({case.unit})':<52}{figures}{plain / fast:>8.1f}x", flush=True)


if __name__ == "__main__":
    main()
