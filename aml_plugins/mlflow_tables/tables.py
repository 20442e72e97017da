"""The columns that are used here, as MLflow has them since it knows workspaces (3.10)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Integer, MetaData, String, Table, Text

__all__ = ["experiments", "latest_metrics", "metadata", "metrics", "params", "runs", "tags", "workspaces"]

metadata = MetaData()

workspaces = Table(
    "workspaces",
    metadata,
    Column("name", String, primary_key=True),
    Column("description", Text),
    Column("default_artifact_root", Text),
)

experiments = Table(
    "experiments",
    metadata,
    Column("experiment_id", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("artifact_location", String),
    Column("lifecycle_stage", String),
    Column("creation_time", BigInteger),
    Column("last_update_time", BigInteger),
    Column("workspace", String, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("run_uuid", String, primary_key=True),
    Column("name", String),
    Column("source_type", String),
    Column("source_name", String),
    Column("entry_point_name", String),
    Column("user_id", String),
    Column("status", String),
    Column("start_time", BigInteger),
    Column("end_time", BigInteger),
    Column("source_version", String),
    Column("lifecycle_stage", String),
    Column("artifact_uri", String),
    Column("experiment_id", Integer),
)


def _texts(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("key", String, primary_key=True),
        Column("value", String),
        Column("run_uuid", String, primary_key=True),
    )


tags, params = _texts("tags"), _texts("params")

latest_metrics = Table(
    "latest_metrics",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Float, nullable=False),
    Column("timestamp", BigInteger),
    Column("step", BigInteger, nullable=False),
    Column("is_nan", Boolean, nullable=False),
    Column("run_uuid", String, primary_key=True),
)

metrics = Table(
    "metrics",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Float, primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("run_uuid", String, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("is_nan", Boolean, primary_key=True),
)
