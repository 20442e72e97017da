"""The ``aml_*`` tables. A column is named as the record's field; what a record does not show is commented."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    or_,
    text,
)
from sqlalchemy.types import TypeDecorator

from aml_plugins.json_types import JsonValue

__all__ = [
    "UNDELIVERED",
    "Json",
    "Prose",
    "compute_targets",
    "datastores",
    "images",
    "listed_runs",
    "metadata",
    "provisionings",
    "runs",
    "services",
    "slots",
    "snapshots",
    "task_events",
    "tasks",
    "workspaces",
]


class Json(TypeDecorator[JsonValue]):
    """JSON kept as text: the same on every database, NaN and NUL included, which PostgreSQL's own type refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JsonValue, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's API
        return None if value is None else _ENCODE(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> JsonValue:  # noqa: ARG002  SQLAlchemy's API
        if value is None:
            return None
        decoded: JsonValue = json.loads(value)
        return decoded


class Prose(TypeDecorator[str]):
    """Words from outside (a log's last lines, a user's name), without what databases cannot keep."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's API
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _plain(value: object) -> object:
    """Turn the mappings and sequences that ``json`` does not know into those that it does."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


_ENCODE = json.JSONEncoder(default=_plain, separators=(",", ":")).encode

metadata = MetaData()

workspaces = Table(
    "aml_workspaces",
    metadata,
    Column("name", String, primary_key=True),
    Column("settings", Json, nullable=False),
    Column("created_at", Double, nullable=False),
)

compute_targets = Table(
    "aml_compute_targets",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("config", Json, nullable=False),
    Column("created_at", Double, nullable=False),
)

slots = Table(
    "aml_slots",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("run_id", String, nullable=False),
    UniqueConstraint("run_id", name="uq_aml_slots_run_id"),
    ForeignKeyConstraint(
        ["workspace", "target"],
        ["aml_compute_targets.workspace", "aml_compute_targets.name"],
        name="fk_aml_slots_target",
        ondelete="CASCADE",
    ),
)

provisionings = Table(
    "aml_provisionings",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("operation_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("desired", Json, nullable=False),
    Column("state", String, nullable=False),
    Column("settled", Boolean, nullable=False),
    Column("reason", Prose),
    Column("error_code", String),
    Column("user", Prose, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("lease_owner", String),
    Column("lease_until", Double),
    Column("maker", Prose, nullable=False, server_default=""),
    ForeignKeyConstraint(
        ["workspace", "name"],
        ["aml_compute_targets.workspace", "aml_compute_targets.name"],
        name="fk_aml_provisionings_target",
        ondelete="CASCADE",
    ),
)

datastores = Table(
    "aml_datastores",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("config", Json, nullable=False),
    Column("created_at", Double, nullable=False),
)

snapshots = Table(
    "aml_snapshots",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("datastore", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("files", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
)

runs = Table(
    "aml_runs",
    metadata,
    Column("workspace", String, nullable=False),
    Column("run_id", String, primary_key=True),
    Column("experiment_id", String, nullable=False),
    Column("experiment_name", Prose, nullable=False),
    Column("target", String, nullable=False),
    Column("target_type", String, nullable=False),
    Column("state", String, nullable=False),
    Column("script", Prose, nullable=False),
    Column("config", Json, nullable=False),
    Column("source", Json, nullable=False),
    Column("name", Prose),
    Column("parent_run_id", String),
    Column("idempotency_key", String),
    Column("user", Prose, nullable=False),
    Column("snapshot_digest", String),
    Column("attempt", Integer, nullable=False),
    Column("handle", Json),
    Column("cursors", Json, nullable=False),
    Column("native_state", Prose, nullable=False),
    Column("reason", Prose),
    Column("error_code", String),
    Column("exit_code", BigInteger),  # Windows and some services use the unsigned 32 bits
    Column("outcome", String),
    Column("cancel_requested_at", Double),
    Column("released_at", Double),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("ended_at", Double),
    Column("updated_at", Double, nullable=False),
    Column("version", Integer, nullable=False),
    Column("lease_owner", String),
    Column("lease_until", Double),
    Column("active", Boolean, nullable=False),  # the state is not a final one; what drivers ask for, so indexed
    UniqueConstraint("workspace", "idempotency_key", name="uq_aml_runs_idempotency_key"),
    Index("ix_aml_runs_active", "active", "created_at"),
    Index("ix_aml_runs_workspace", "workspace", "created_at", "run_id"),
    Index("ix_aml_runs_snapshot", "workspace", "snapshot_digest"),
    Index("ix_aml_runs_parent", "parent_run_id"),
)

listed_runs = or_(runs.c.released_at.is_(None), runs.c.active)
"""The condition of what a list of runs shows: one that was deleted in MLflow only until it has ended."""

tasks = Table(
    "aml_tasks",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("task_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("state", String, nullable=False),
    Column("progress", Double),
    Column("message", Prose, nullable=False),
    Column("result", Json),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Index("ix_aml_tasks_workspace", "workspace", "created_at"),
)

requests = Table(
    "aml_requests",
    metadata,
    Column("key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Index("ix_aml_requests_created_at", "created_at"),
)

UNDELIVERED = text("NOT delivered")
"""Events that the hooks have not got. SQLite takes the index for these very words alone, not for ``delivered = 0``."""

task_events = Table(
    "aml_task_events",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("workspace", String, nullable=False),
    Column("task_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("time", Double, nullable=False),
    Column("old", String),
    Column("new", String),
    Column("progress", Double),
    Column("message", Prose, nullable=False),
    Column("delivered", Boolean, nullable=False),  # handed to the event hooks
    Index("ix_aml_task_events_task", "workspace", "task_id", "sequence"),
    # On PostgreSQL too, as its migration says; to name that dialect here costs every command 30 ms of imports.
    Index("ix_aml_task_events_undelivered", "subject", sqlite_where=UNDELIVERED),
    sqlite_autoincrement=True,  # numbers are never used twice
)

images = Table(
    "aml_images",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("builder", String, nullable=False),
    Column("config", Json, nullable=False),
    Column("models", Json, nullable=False),
    Column("source", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("digest", String),
    Column("location", Prose),
    Column("result", Json, nullable=False),
    Column("reason", Prose),
    Column("error_code", String),
    Column("user", Prose, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("lease_owner", String),
    Column("lease_until", Double),
    Index("ix_aml_images_state", "state"),
)

services = Table(
    "aml_services",
    metadata,
    Column("workspace", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("service_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("state", String, nullable=False),
    Column("desired", Json, nullable=False),
    Column("deployments", Json, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("endpoint", Prose),
    Column("reason", Prose),
    Column("error_code", String),
    Column("tags", Json, nullable=False),
    Column("user", Prose, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("looked_at", Double, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("lease_owner", String),
    Column("lease_until", Double),
    UniqueConstraint("service_id", name="uq_aml_services_service_id"),
)
