"""The columns of the model registry that are used here, as MLflow has them since it knows workspaces (3.10)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from aml_plugins.mlflow_tables.tables import metadata

__all__ = ["model_aliases", "model_tags", "model_versions", "registered_models", "version_tags"]

registered_models = Table(
    "registered_models",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("creation_time", BigInteger),
    Column("last_updated_time", BigInteger),
)

model_versions = Table(
    "model_versions",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("creation_time", BigInteger),
    Column("last_updated_time", BigInteger),
    Column("current_stage", String),
    Column("source", String),
    Column("storage_location", String),
    Column("run_id", String),
    Column("status", String),
)

version_tags = Table(
    "model_version_tags",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text),
)

model_tags = Table(
    "registered_model_tags",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", String),
)

model_aliases = Table(
    "registered_model_aliases",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("alias", String, primary_key=True),
    Column("version", Integer, nullable=False),
)
