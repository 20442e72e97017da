"""Generated histories of writes leave the same rows and raise the same errors in both stores."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from fast_store_pair import Pair, described, new_run, outcome, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.entities import Metric, Param, RunStatus, RunTag

PLAIN = st.sampled_from([0.0, 1.0, 1, 2.5, -3.0, float("nan"), float("inf"), float("-inf"), 1.7976931348623157e308])
ODD = st.sampled_from([None, "1", True, np.float64(1.5), np.float32(0.1), np.int64(4), Fraction(1, 3), 2**60, 2**70])
KEYS = st.sampled_from(["a", "b", "c/d", "loss"])
ODD_KEYS = st.sampled_from(["", "bad*key", "x" * 251, "../up", None])
STEPS = st.integers(-2, 2)
TIMES = st.integers(0, 2)


def _mostly(usual: st.SearchStrategy, odd: st.SearchStrategy) -> st.SearchStrategy:
    return st.integers(0, 30).flatmap(lambda n: odd if n == 0 else usual)


METRICS = st.builds(
    Metric,
    _mostly(KEYS, ODD_KEYS),
    _mostly(PLAIN, ODD),
    _mostly(TIMES, st.sampled_from([-1, 1.5, 2**63 - 1, 2**63, None, "now"])),
    _mostly(STEPS, st.sampled_from([1.5, 2**63 - 1, -(2**63), 2**70, None, True])),
)
PARAMS = st.builds(Param, _mostly(KEYS, ODD_KEYS), st.sampled_from(["1", "2", "", "x" * 6001]))
TAGS = st.builds(RunTag, _mostly(KEYS, st.just("mlflow.runName")), st.sampled_from(["1", "2", "", "x" * 8001]))
POINTS = st.builds(Metric, KEYS, PLAIN, TIMES, STEPS)
OPERATIONS = st.one_of(
    st.tuples(st.just("log_batch"), st.lists(POINTS, max_size=30), st.just([]), st.just([])),
    st.tuples(
        st.just("log_batch"),
        st.lists(METRICS, max_size=10),
        st.lists(PARAMS, max_size=3),
        st.lists(TAGS, max_size=3),
    ),
    st.tuples(st.just("log_metric"), METRICS),
    st.tuples(st.just("log_param"), PARAMS),
    st.tuples(st.just("set_tag"), TAGS),
    st.tuples(st.sampled_from(["delete_run", "restore_run"])),
    st.tuples(st.just("update_run_info"), st.just(RunStatus.FINISHED), st.integers(1, 9), st.sampled_from(["n", ""])),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATIONS, min_size=1, max_size=8), sendings=st.sampled_from([1, 2]))
def test_a_history_of_writes_ends_the_same(pair: Pair, operations: list[tuple[Any, ...]], sendings: int) -> None:
    experiment = pair.experiment()
    ends = []
    for store in (pair.plain, pair.fast):
        run_id = new_run(store, experiment)
        seen: list[object] = []
        for name, *arguments in operations * sendings:
            seen.append(outcome(partial(getattr(store, name), run_id, *arguments), run_id))
            seen.append(rows_of(store, run_id))
        ends.append((seen, described(store.get_run(run_id))))
    assert ends[0] == ends[1]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.lists(POINTS, max_size=20), second=st.lists(POINTS, max_size=20))
def test_a_store_continues_what_the_other_began(pair: Pair, first: list[Metric], second: list[Metric]) -> None:
    experiment = pair.experiment()
    ends = []
    for before, after in ((pair.plain, pair.plain), (pair.fast, pair.plain), (pair.plain, pair.fast)):
        run_id = new_run(before, experiment)
        before.log_batch(run_id, first, [], [])
        after.log_batch(run_id, second, [], [])
        ends.append(rows_of(after, run_id))
    assert ends[0] == ends[1] == ends[2]
