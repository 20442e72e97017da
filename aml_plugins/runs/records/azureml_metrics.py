"""Metrics from MLflow in the shape in which Azure ML's ``run.get_metrics()`` returned them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aml_plugins.runs.history import Metric

__all__ = ["as_azureml_metrics"]

NAME, TABLE, TEXT = "aml.name.", "aml.table.", "aml.text."

Values = float | str | list[float]


def as_azureml_metrics(
    histories: Mapping[str, Sequence[Metric]], tags: Mapping[str, str] | None = None
) -> dict[str, Values | dict[str, Values]]:
    """Return one value or a list for each metric; the columns of a logged table together below its name.

    :param histories: all points of each metric, by MLflow's key.
    :param tags: the run's tags: they know original names, tables and logged texts.
    """
    tags = tags or {}
    tables = [tag.removeprefix(TABLE) for tag in tags if tag.startswith(TABLE)]
    found: dict[str, Values | dict[str, Values]] = {
        tags.get(NAME + tag.removeprefix(TEXT), tag.removeprefix(TEXT)): value
        for tag, value in tags.items()
        if tag.startswith(TEXT)
    }
    for key, points in histories.items():
        table = next((name for name in tables if key.startswith(f"{name}/")), None)
        if table is None:
            found[tags.get(NAME + key, key)] = _values(points)
            continue
        columns = found.setdefault(tags.get(NAME + table, table), {})
        if isinstance(columns, dict):
            columns[tags.get(NAME + key, key.removeprefix(f"{table}/"))] = _values(points)
    return found


def _values(points: Sequence[Metric]) -> Values:
    values = [point.value for point in sorted(points, key=lambda point: (point.timestamp, point.step))]
    return values[0] if len(values) == 1 else values
