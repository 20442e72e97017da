"""The fast overrides as one mixin."""

from __future__ import annotations

from aml_plugins.mlflow_store.fast.history import FastHistory
from aml_plugins.mlflow_store.fast.metrics import FastMetrics
from aml_plugins.mlflow_store.fast.runs import FastRuns
from aml_plugins.mlflow_store.fast.search import FastSearch
from aml_plugins.mlflow_store.fast.sessions import LightSessions


class FastTracking(LightSessions, FastMetrics, FastRuns, FastSearch, FastHistory):
    """Put before MLflow's SQL tracking store among the bases: the same results from far fewer statements.

    Covers SQLite and PostgreSQL. Other databases, and inputs that are not of the usual kind, go to the store below.
    """
