"""A run search as SQL: each filter one ``IN``, each order key one outer join on a primary key.

MLflow joins derived tables that no index covers and sorts all columns of all runs through a ``DISTINCT``. The
conditions here select the same runs, each once, so neither is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from aml_plugins.mlflow_store.fast.seams import (
    DATASET_CONTEXT_TAG,
    RUN_NAME_TAG,
    SearchUtils,
    comparison_function,
    datasets,
    input_tags,
    inputs,
    latest_metrics,
    params,
    run_attribute,
    runs,
    tags,
)

Condition = sa.ColumnElement[bool]


class NotCoveredError(Exception):
    """The search has a part that only MLflow's own code understands, or refuses."""


@dataclass(frozen=True, kw_only=True)
class Ordering:
    """The joins that bring the values to sort by, and the sort."""

    joins: tuple[tuple[sa.FromClause, Condition], ...]
    clauses: tuple[sa.ColumnElement[Any], ...]


def condition_of(comparison: dict[str, Any], dialect: str) -> Condition:
    """Return the condition on ``runs`` that one parsed comparison of a filter string means."""
    kind, value, comparator = comparison["type"], comparison["value"], comparison["comparator"].upper()
    key = SearchUtils.translate_key_alias(comparison["key"])
    if _is_attribute(kind, key, comparator):
        return _attribute_condition(key, comparator, value, dialect)
    table = _table_of(kind, comparator)
    if table is datasets:
        return _dataset_condition(key, comparator, value, dialect)
    if comparator in ("IS NULL", "IS NOT NULL"):
        present = sa.exists().where(table.c.run_uuid == runs.c.run_uuid, table.c.key == key)
        return ~present if comparator == "IS NULL" else present
    return _value_condition(table, key, comparator, value, dialect)


def ordering_of(order_by: Sequence[str] | None) -> Ordering:
    """Return the order of the runs: the keys asked for, then the newest first, then the run id."""
    joins: list[tuple[sa.FromClause, Condition]] = []
    clauses: list[sa.ColumnElement[Any]] = []
    seen: set[tuple[str, str]] = set()
    for text in order_by or ():
        kind, key, ascending = SearchUtils.parse_order_by_for_search_runs(text)
        key = SearchUtils.translate_key_alias(key)
        if (kind, key) in seen:
            raise NotCoveredError(text)
        seen.add((kind, key))
        value, presence = _order_value(kind, key, joins)
        clauses += [presence, value if ascending else value.desc()]
    if (SearchUtils._ATTRIBUTE_IDENTIFIER, "start_time") not in seen:  # noqa: SLF001 - MLflow's name of the kind
        clauses.append(runs.c.start_time.desc())
    return Ordering(joins=tuple(joins), clauses=(*clauses, runs.c.run_uuid))


def _order_value(
    kind: str, key: str, joins: list[tuple[sa.FromClause, Condition]]
) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[int]]:
    if _is_attribute(kind, key, "="):
        column: sa.ColumnElement[Any] = runs.c[run_attribute(key)]
        return column, sa.case((column.is_(None), 1), else_=0)
    table = _table_of(kind, "=")
    if table is datasets:
        raise NotCoveredError(key)
    row = table.alias(f"order_{len(joins) + 1}")
    joins.append((row, sa.and_(row.c.run_uuid == runs.c.run_uuid, row.c.key == key)))
    absent = (row.c.value.is_(None), 2)
    if table is latest_metrics:
        return row.c.value, sa.case((row.c.is_nan == sa.true(), 1), absent, else_=0)
    return row.c.value, sa.case(absent, else_=0)


def _is_attribute(kind: str, key: str, comparator: str) -> bool:
    return bool(
        SearchUtils.is_string_attribute(kind, key, comparator)
        or SearchUtils.is_numeric_attribute(kind, key, comparator)
    )


def _table_of(kind: str, comparator: str) -> sa.Table:
    if SearchUtils.is_metric(kind, comparator):
        return latest_metrics
    if SearchUtils.is_param(kind, comparator):
        return params
    if SearchUtils.is_tag(kind, comparator):
        return tags
    if SearchUtils.is_dataset(kind, comparator):
        return datasets
    raise NotCoveredError(kind)


def _attribute_condition(key: str, comparator: str, value: Any, dialect: str) -> Condition:
    if key == "run_name":  # runs of MLflow before 1.30 have their name in the tag only
        return _value_condition(tags, RUN_NAME_TAG, comparator, value, dialect)
    return comparison_function(comparator, dialect)(runs.c[run_attribute(key)], value)


def _value_condition(table: sa.Table, key: str, comparator: str, value: Any, dialect: str) -> Condition:
    compare = comparison_function(comparator, dialect)
    if table is latest_metrics:
        matches = compare(table.c.value, float(value))
        # A NaN is stored as 0 with a mark: it differs from every number and compares with none.
        is_nan = table.c.is_nan == sa.true()
        matches = sa.or_(matches, is_nan) if comparator == "!=" else sa.and_(matches, table.c.is_nan == sa.false())
    else:
        matches = compare(table.c.value, value)
    return runs.c.run_uuid.in_(sa.select(table.c.run_uuid).where(table.c.key == key, matches))


def _dataset_condition(key: str, comparator: str, value: Any, dialect: str) -> Condition:
    compare = comparison_function(comparator, dialect)
    used = sa.select(inputs.c.destination_id).join(datasets, inputs.c.source_id == datasets.c.dataset_uuid)
    if key == "context":
        used = used.join(input_tags, input_tags.c.input_uuid == inputs.c.input_uuid)
        used = used.where(input_tags.c.name == DATASET_CONTEXT_TAG, compare(input_tags.c.value, value))
    else:
        used = used.where(compare(datasets.c[key], value))
    return runs.c.run_uuid.in_(used)
