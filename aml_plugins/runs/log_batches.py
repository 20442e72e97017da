"""What is logged to a run, in batches that MLflow takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, TypeVar

__all__ = ["in_log_batches", "in_pieces"]

# MLflow takes 1,000 things a batch, of them 100 params and 100 tags.
_METRICS, _TEXTS = 800, 100
T = TypeVar("T")
Metric = TypeVar("Metric")
Param = TypeVar("Param")
Tag = TypeVar("Tag")


def in_log_batches(
    metrics: Iterable[Metric], params: Iterable[Param], tags: Iterable[Tag]
) -> Iterator[tuple[list[Metric], list[Param], list[Tag]]]:
    """Cut what is to be logged into batches, in order; the first ones hold params and tags, too."""
    pieces = (in_pieces(metrics, _METRICS), in_pieces(params, _TEXTS), in_pieces(tags, _TEXTS))
    batches: Iterator[Any] = zip_longest(*pieces, fillvalue=[])
    yield from batches


def in_pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of ``size``; the last one may be shorter."""
    piece: list[T] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
