"""Alembic's entry: migrates over the connection that ``schema.py`` hands in, beside MLflow's own chain."""

from __future__ import annotations

from alembic import context

from aml_plugins.store.sql.schema import VERSION_TABLE
from aml_plugins.store.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    # MLflow's tables are none of our business (design.md, 4.2).
    include_name=lambda name, kind, _parents: kind != "table" or (name or "").startswith("aml_"),
)
with context.begin_transaction():
    context.run_migrations()
