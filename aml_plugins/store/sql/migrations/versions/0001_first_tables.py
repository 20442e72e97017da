"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    _workspaces()
    _compute_targets()
    _storage()
    _runs()
    _tasks()


def _workspaces() -> None:
    op.create_table(
        "aml_workspaces",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _compute_targets() -> None:
    op.create_table(
        "aml_compute_targets",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )
    op.create_table(
        "aml_slots",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "target"],
            ["aml_compute_targets.workspace", "aml_compute_targets.name"],
            name="fk_aml_slots_target",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "target", "number"),
        sa.UniqueConstraint("run_id", name="uq_aml_slots_run_id"),
    )


def _storage() -> None:
    op.create_table(
        "aml_datastores",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "name"),
    )
    op.create_table(
        "aml_snapshots",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("datastore", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "digest"),
    )


def _runs() -> None:
    op.create_table(
        "aml_runs",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("experiment_id", sa.String(), nullable=False),
        sa.Column("experiment_name", sa.Text(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("target_type", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("script", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("parent_run_id", sa.String(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=True),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("snapshot_digest", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=True),
        sa.Column("cursors", sa.Text(), nullable=False),
        sa.Column("native_state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("exit_code", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("cancel_requested_at", sa.Double(), nullable=True),
        sa.Column("released_at", sa.Double(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
        sa.UniqueConstraint("workspace", "idempotency_key", name="uq_aml_runs_idempotency_key"),
    )
    op.create_index("ix_aml_runs_active", "aml_runs", ["active", "created_at"], unique=False)
    op.create_index("ix_aml_runs_parent", "aml_runs", ["parent_run_id"], unique=False)
    op.create_index("ix_aml_runs_snapshot", "aml_runs", ["workspace", "snapshot_digest"], unique=False)
    op.create_index("ix_aml_runs_workspace", "aml_runs", ["workspace", "created_at", "run_id"], unique=False)


def _tasks() -> None:
    op.create_table(
        "aml_tasks",
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "task_id"),
    )
    op.create_index("ix_aml_tasks_workspace", "aml_tasks", ["workspace", "created_at"], unique=False)
    op.create_table(
        "aml_task_events",
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("task_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("old", sa.String(), nullable=True),
        sa.Column("new", sa.String(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("delivered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_aml_task_events_task", "aml_task_events", ["workspace", "task_id", "sequence"], unique=False)
    op.create_index(
        "ix_aml_task_events_undelivered",
        "aml_task_events",
        ["subject"],
        unique=False,
        sqlite_where=sa.text("NOT delivered"),
        postgresql_where=sa.text("NOT delivered"),
    )
