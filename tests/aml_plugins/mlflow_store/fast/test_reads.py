"""Searches and histories are answered alike: the same runs in the same order on the same pages, byte for byte."""

from __future__ import annotations

import os
import random
from functools import partial
from typing import Any

import pytest
from fast_store_pair import Pair, exact, outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    Metric,
    Param,
    RunStatus,
    RunTag,
    ViewType,
)

NUMBERS = [0.0, 0.5, 1.0, 2.0, float("nan"), float("inf"), float("-inf")]
WORDS = ["x", "X", "y", "100%", "a_b", ""]
RUNS = 24


@pytest.fixture(scope="session")
def experiments(pair: Pair) -> list[str]:
    """Two experiments of runs with few distinct values, so that ties are many."""
    chance = random.Random(7)
    found = [pair.experiment(), pair.experiment()]
    for number in range(RUNS):
        _fill(pair, found[number % 2], number, chance)
    return found


def _fill(pair: Pair, experiment: str, number: int, chance: random.Random) -> None:
    store = pair.fast if number % 3 else pair.plain
    tags = [RunTag("t", chance.choice(WORDS))] if chance.random() < 0.8 else []
    run_id = store.create_run(experiment, "someone", chance.randrange(3), tags, f"run-{number % 4}").info.run_id
    points = [Metric(k, chance.choice(NUMBERS), t, t % 2) for k in "mno" if chance.random() < 0.8 for t in range(4)]
    chance.shuffle(points)
    params = [Param(key, chance.choice(WORDS)) for key in "pqr" if chance.random() < 0.7]
    store.log_batch(run_id, points, params, [])
    if number % 4 == 0:
        context = [InputTag("mlflow.data.context", chance.choice(["train", "test"]))]
        data = [DatasetInput(Dataset(f"d{n}", f"g{n}", "local", "here"), context) for n in range(number % 3 + 1)]
        store.log_inputs(run_id, data)
    if number % 5 == 0:
        model = store.create_logged_model(experiment)
        store.log_outputs(run_id, [LoggedModelOutput(model.model_id, 1)])
    if number % 6 == 0:
        store.update_run_info(run_id, RunStatus.FINISHED, 5, None)
    if number % 7 == 0:
        store.delete_run(run_id)


NUMERIC = st.sampled_from([">", ">=", "<", "<=", "=", "!="])
TEXTUAL = st.sampled_from(["=", "!=", "LIKE", "ILIKE"])
VALUES = st.sampled_from(["0", "0.5", "1", "-1", "1e400"])
TEXTS = st.sampled_from(["'x'", "'X'", "'%'", "'a_b'", "'1%'", "'run-1'", "''"])
CONDITIONS = st.one_of(
    st.builds("metrics.{} {} {}".format, st.sampled_from("mnoz"), NUMERIC, VALUES),
    st.builds("{}.{} {} {}".format, st.sampled_from(["params", "tags"]), st.sampled_from("pqt"), TEXTUAL, TEXTS),
    st.builds("{} IS {}NULL".format, st.sampled_from(["params.p", "tags.t", "tag.z"]), st.sampled_from(["", "NOT "])),
    st.builds("attributes.start_time {} {}".format, NUMERIC, st.sampled_from(["0", "1", "2"])),
    st.builds("attributes.{} {} {}".format, st.sampled_from(["run_name", "status", "user_id"]), TEXTUAL, TEXTS),
    st.builds(
        "datasets.{} {} {}".format, st.sampled_from(["name", "digest"]), TEXTUAL, st.sampled_from(["'d1'", "'%'"])
    ),
    st.sampled_from(
        [
            "dataset.context = 'train'",
            "dataset.name IN ('d0', 'd2')",
            "attribute.run_id NOT IN ('a', 'b')",
            "run_name = 'run-2'",
            "metrics.m = 'text'",  # these and what follows are refused
            "metrics.m LIKE '1'",
            "attribute.nothing = '1'",
            "params.p > '1'",
            "params.p = 1",
            "nonsense",
            "metrics.m IS NULL",
            "dataset.name IS NULL",
        ]
    ),
)
ORDERS = st.lists(
    st.builds(
        "{} {}".format,
        st.sampled_from(
            [
                "metrics.m",
                "metrics.n",
                "metrics.z",
                "params.p",
                "tags.t",
                "start_time",
                "end_time",
                "run_name",
                "status",
            ]
        ),
        st.sampled_from(["ASC", "DESC", ""]),
    )
    | st.sampled_from(["nonsense.x", "metrics.m sideways", "dataset.name"]),
    max_size=3,
)
VIEWS = st.sampled_from([ViewType.ACTIVE_ONLY, ViewType.DELETED_ONLY, ViewType.ALL])


EXAMPLES = 1000 if os.environ.get("THOROUGH") else 120
SEARCHES = st.fixed_dictionaries(
    {
        "filter_string": st.lists(CONDITIONS, max_size=3).map(" AND ".join),
        "run_view_type": VIEWS,
        "max_results": st.sampled_from([1, 3, 8, 24, 100, 0, -1, None, 10**6]),
        "order_by": ORDERS | st.none(),
    }
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(search=SEARCHES, experiments_searched=st.sampled_from([1, 2]))
def test_every_page_of_a_search_is_the_same(
    pair: Pair, experiments: list[str], search: dict[str, Any], experiments_searched: int
) -> None:
    wanted = experiments[:experiments_searched]
    answers = []
    for store in (pair.plain, pair.fast):
        seen: list[object] = []
        answers.append((outcome(partial(_read_all_pages, store, wanted, search, seen)), seen))
    assert answers[0] == answers[1]


def _read_all_pages(store: Any, experiments: list[str], search: dict[str, Any], seen: list[object]) -> None:
    token = None
    while True:
        page = store.search_runs(experiments, **search, page_token=token)
        seen += [[exact(run) for run in page], page.token]
        token = page.token
        if not token or not search["max_results"]:
            return


@pytest.mark.parametrize(
    "request_",
    [
        (["x"], "", 1, 5, [], None),
        ([], "", 1, 5, [], None),
        (["0"], "", 1, 5, [], "bad token"),
        (["0"], "", 9, 5, [], None),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_alike(pair: Pair, request_: tuple[Any, ...]) -> None:
    assert outcome(lambda: pair.plain.search_runs(*request_)) == outcome(lambda: pair.fast.search_runs(*request_))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    points=st.lists(
        st.tuples(st.sampled_from(["k", "l"]), st.sampled_from(NUMBERS), st.integers(0, 3), st.integers(-2, 2)),
        max_size=25,
    ),
    size=st.sampled_from([None, 0, 1, 2, 5, 100]),
)
def test_histories_are_the_same(pair: Pair, points: list[tuple[Any, ...]], size: int | None) -> None:
    experiment = pair.experiment()
    runs = [pair.fast.create_run(experiment, "someone", 1, [], "n").info.run_id for _ in range(2)]
    pair.plain.log_batch(runs[0], [Metric(*point) for point in points], [], [])
    pair.fast.log_batch(runs[1], [Metric(*point) for point in points], [], [])
    for run_id in runs:
        assert _history(pair.plain, run_id, size) == _history(pair.fast, run_id, size)
    for name, arguments in (
        ("get_metric_history_bulk", (runs, "k", size or 7)),
        ("get_metric_history_bulk_interval_from_steps", (runs[0], "k", [-1, 0, 1], size or 7)),
        ("get_metric_history_bulk_interval", (runs, "k", size or 7, None, None)),
    ):
        assert _written(getattr(pair.plain, name)(*arguments)) == _written(getattr(pair.fast, name)(*arguments))


def _history(store: Any, run_id: str, size: int | None) -> list[object]:
    token, seen = None, []
    while True:
        page = store.get_metric_history(run_id, "k", size, token)
        seen += [_written(page), page.token]
        token = page.token
        if not token or not size:
            return seen


def _written(metrics: list[Metric]) -> list[tuple[str, bytes]]:
    return [(repr(metric.run_id), metric.to_proto().SerializeToString(deterministic=True)) for metric in metrics]


def test_a_history_of_no_run_or_a_bad_token_is_refused_alike(pair: Pair, experiments: list[str]) -> None:
    run_id = pair.plain.search_runs(experiments, "", ViewType.ALL, 1)[0].info.run_id
    for arguments in (("0" * 32, "k"), (run_id, "k", 3, "bad token"), (run_id, "none such")):
        ends = [outcome(lambda s=s: s.get_metric_history(*arguments)) for s in (pair.plain, pair.fast)]  # noqa: B023
        assert ends[0] == ends[1]
