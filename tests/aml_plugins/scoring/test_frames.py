"""Frames of inference-schema: whatever comes, ours are the library's, bit by bit."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from servers import HERE, ROOT, Microsoft

pytestmark = pytest.mark.xdist_group("microsoft-server")
Told = dict[str, Any]
NUMBERS = {"a": ["float64", 1.5], "b": ["int64", 2], "c": ["object", "x"], "d": ["bool", True], "e": ["float32", 0.5]}
ROW = {"a": 5.1, "b": 7, "c": "æ", "d": False, "e": 0.1}


@pytest.fixture(scope="module")
def twins(microsoft: Microsoft) -> Iterator[Callable[..., Told]]:
    command = [str(microsoft.python), str(HERE / "frame_twins.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    ) as child:

        def convert(sample: object, requests: object, **options: object) -> Told:
            assert child.stdin
            assert child.stdout
            child.stdin.write(json.dumps({"sample": sample, "options": options, "requests": requests}) + "\n")
            child.stdin.flush()
            return json.loads(child.stdout.readline())

        yield convert
        child.stdin.close()


def test_the_library_makes_the_first_frame_and_ours_the_others(twins):
    told = twins(NUMBERS, [[ROW], [ROW, {**ROW, "a": 2}], [{**ROW, "b": -1, "c": "\ud800"}]])
    assert told["ours"] == told["theirs"]
    assert told["left"] == 1


@pytest.mark.parametrize(
    "rows",
    [
        [{**ROW, "a": None}], [{**ROW, "a": "5"}], [{**ROW, "a": True}], [{**ROW, "b": 1.5}], [{**ROW, "b": 2**63}],
        [{**ROW, "a": 2**53 + 2}], [{**ROW, "a": 1e400}], [{**ROW, "c": None}], [{**ROW, "d": 1}],
        [{**ROW, "x": 1}], [dict(reversed(ROW.items()))], [{"a": 1.0}], [ROW, {}], [ROW, [1]],
        [[1, 2, 3, 4, 5]], [], {}, "x",
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_plain_is_left_to_the_library(twins, rows):
    told = twins(NUMBERS, [[ROW], rows, [ROW]])
    assert told["ours"] == told["theirs"]
    assert told["left"] == 2


@pytest.mark.parametrize(
    "name", ["date", "Timestamp_x", "created_at", "start_time", "2020", "1.5", "2020-01-01", "Jan"]
)
def test_labels_that_pandas_reads_as_dates_or_numbers(twins, name):
    rows = [[{name: 1_600_000_000}], [{name: 1_700_000_000}], [{name: 3}]]
    told = twins({name: ["int64", 1]}, rows)
    assert told["ours"] == told["theirs"]


@pytest.mark.parametrize(
    "options",
    [{"enforce_column_type": False}, {"apply_column_names": True}, {"orient": "columns"}, {"enforce_shape": False}],
    ids=str,
)
def test_options(twins, options):
    rows = [{name: {"0": value} for name, value in ROW.items()}] * 2 if "orient" in options else [[ROW], [ROW]]
    told = twins(NUMBERS, [*rows, [{**ROW, "more": 1.5}], [{**ROW, "more": 1.5}]], **options)
    assert told["ours"] == told["theirs"]


def test_keys_are_the_callers_and_not_all_are_kept(twins):
    rows = [[{f"k{n}": 1.5, "a": 1.0}] for n in range(20)]
    told = twins({"a": ["float64", 1.0]}, rows * 2, enforce_shape=False)
    assert told["ours"] == told["theirs"]
    assert told["left"] == 40  # a label without a type is an object, and that is the library's


VALUES = {
    "float64": st.floats(allow_nan=False) | st.integers(-(2**70), 2**70),
    "float32": st.floats(-1e38, 1e38) | st.integers(-(2**40), 2**40),
    "int64": st.integers(-(2**63) - 1, 2**64),
    "int32": st.integers(-(2**40), 2**40),
    "bool": st.booleans(),
    "object": st.text(max_size=12),
    "str": st.text(max_size=12),
}
SAMPLES = {"float64": 1.5, "float32": 1.5, "int64": 1, "int32": 1, "bool": True, "object": "x", "str": "x"}
ODD = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-1, 1) | st.sampled_from(["", "1", "2020-01-01", "nan"])
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[dict[str, list[object]], list[list[dict[str, object]]]]:
    """Draw a sample and several requests; most values are what the sample has, some are not."""
    names = draw(st.lists(st.text(max_size=6), min_size=1, max_size=5, unique=True))
    kinds = {name: draw(st.sampled_from(sorted(VALUES))) for name in names}
    odd = draw(st.booleans())
    row = st.fixed_dictionaries({name: VALUES[kind] | ODD if odd else VALUES[kind] for name, kind in kinds.items()})
    requests = draw(st.lists(st.lists(row, min_size=1, max_size=4), min_size=2, max_size=5))
    return {name: [kind, SAMPLES[kind]] for name, kind in kinds.items()}, requests


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)  # fmt: skip
@given(conversations())
def test_ours_are_the_librarys(twins, conversation):
    told = twins(*conversation)
    for ours, theirs in zip(told["ours"], told["theirs"], strict=True):
        assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []
