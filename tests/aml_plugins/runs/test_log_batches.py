"""Batches of what is logged."""

from __future__ import annotations

from itertools import chain

from aml_plugins.runs.log_batches import in_log_batches, in_pieces


def test_every_batch_is_one_that_mlflow_takes_and_nothing_is_lost() -> None:
    metrics, params, tags = range(2000), [f"p{number}" for number in range(250)], ["t"]
    batches = list(in_log_batches(metrics, params, tags))
    assert [tuple(map(len, batch)) for batch in batches] == [(800, 100, 1), (800, 100, 0), (400, 50, 0)]
    together = [list(chain.from_iterable(parts)) for parts in zip(*batches, strict=True)]
    assert together == [list(metrics), params, tags]


def test_nothing_is_no_batch() -> None:
    assert list(in_log_batches([], [], [])) == []
    assert list(in_pieces([], 3)) == []


def test_the_last_piece_may_be_shorter() -> None:
    assert list(in_pieces("abcdefg", 3)) == [["a", "b", "c"], ["d", "e", "f"], ["g"]]
