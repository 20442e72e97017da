"""What is measured: each case prepares a store once and returns the act that is timed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from databases import fill_points, fill_runs

Act = Callable[[], Any]
CALLS = 20


@dataclass(frozen=True, kw_only=True)
class Case:
    """``rounds`` times per store the act is run; it stands for ``items`` of the unit.

    ``over_rest``: MLflow's client has the method, too.
    """

    name: str
    unit: str
    prepare: Callable[[Any], Act]
    rounds: int = 5
    items: int = 1
    over_rest: bool = True


def _new_run(store: Any) -> str:
    experiment = store.create_experiment(f"bench-{random.random()}")
    return store.create_run(experiment, "someone", 1, [], "run").info.run_id


def _log_batch(keys: int) -> Callable[[Any], Act]:
    def prepare(store: Any) -> Act:
        from mlflow.entities import Metric

        run_id, steps = _new_run(store), itertools.count()

        def act() -> None:
            step = next(steps)
            points = [Metric(f"k{n % keys}", random.random(), step * 1000 + n, step * 1000 + n) for n in range(1000)]
            store.log_batch(run_id, points, [], [])

        return act

    return prepare


def _resend(points_of_run: int) -> Callable[[Any], Act]:
    def prepare(store: Any) -> Act:
        from mlflow.entities import Metric

        run_id = _new_run(store)
        fill_points(store.engine, run_id, "k0", points_of_run)
        points = [Metric("k0", n / 7, 10**6 + n, 10**6 + n) for n in range(1000)]
        store.log_batch(run_id, points, [], [])
        return lambda: store.log_batch(run_id, points, [], [])

    return prepare


def _log_metric(store: Any) -> Act:
    from mlflow.entities import Metric

    run_id, steps = _new_run(store), itertools.count()
    return lambda: [store.log_metric(run_id, Metric("m", random.random(), 1, next(steps))) for _ in range(CALLS)]


def _create_run(store: Any) -> Act:
    from mlflow.entities import RunTag

    experiment = store.create_experiment(f"bench-{random.random()}")
    tags = [RunTag(f"mlflow.tag{n}", "value") for n in range(4)]
    return lambda: [store.create_run(experiment, "someone", 1, tags, "run") for _ in range(CALLS)]


def _search(filter_string: str, order_by: list[str]) -> Callable[[Any], Act]:
    def prepare(store: Any) -> Act:
        known = store.get_experiment_by_name("ten-thousand")
        experiment = known.experiment_id if known else store.create_experiment("ten-thousand")
        if not known:
            fill_runs(store.engine, experiment, 10_000)

        def act() -> None:
            found = store.search_runs([experiment], filter_string, 1, 100, order_by)
            assert len(found) == 100

        return act

    return prepare


def _history(store: Any) -> Act:
    run_id = _new_run(store)
    fill_points(store.engine, run_id, "k0", 100_000)

    def act() -> None:
        assert len(store.get_metric_history(run_id, "k0")) == 100_000

    return act


def _history_of_many(store: Any) -> Act:
    run_ids = [_new_run(store) for _ in range(10)]
    for run_id in run_ids:
        fill_points(store.engine, run_id, "k0", 2_500)

    def act() -> None:
        assert len(store.get_metric_history_bulk(run_ids, "k0", 25_000)) == 25_000

    return act


_BEST = "metrics.k0 > 0.5"
_TAGGED = "tags.k0 = '3' AND params.k1 != '4'"
CASES = [
    Case(name="log_batch, 1,000 points of 10 keys", unit="points/s", prepare=_log_batch(10), rounds=10, items=1000),
    Case(
        name="log_batch, 1,000 points of 1,000 keys", unit="points/s", prepare=_log_batch(1000), rounds=10, items=1000
    ),
    Case(name="the same 1,000 points again, run of 10,000", unit="points/s", prepare=_resend(10_000), items=1000),
    Case(
        name="the same 1,000 points again, run of 100,000",
        unit="points/s",
        prepare=_resend(100_000),
        items=1000,
        rounds=3,
    ),
    Case(name="log_metric", unit="points/s", prepare=_log_metric, items=CALLS),
    Case(name="create_run, 4 tags", unit="runs/s", prepare=_create_run, items=CALLS),
    Case(
        name="search 10,000 runs: metric filter and order",
        unit="ms",
        prepare=_search(_BEST, ["metrics.k0 DESC"]),
    ),
    Case(
        name="search 10,000 runs: metric filter, two orders",
        unit="ms",
        prepare=_search(_BEST, ["metrics.k1", "params.k2 DESC"]),
        rounds=3,
    ),
    Case(name="search 10,000 runs: tag and parameter filter", unit="ms", prepare=_search(_TAGGED, [])),
    Case(name="search 10,000 runs: newest", unit="ms", prepare=_search("", [])),
    Case(name="get_metric_history, 100,000 points", unit="ms", prepare=_history),
    Case(name="get_metric_history_bulk, 10 runs, 25,000 points", unit="ms", prepare=_history_of_many, over_rest=False),
]
