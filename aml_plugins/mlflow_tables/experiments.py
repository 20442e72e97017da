"""New experiments, made as MLflow's own store makes them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select, text

from aml_plugins.mlflow_tables.places import below
from aml_plugins.mlflow_tables.tables import workspaces

if TYPE_CHECKING:
    from aml_plugins.store.sql.database import Database

__all__ = ["create_experiment"]

_LONGEST_NAME = 250
_ABSOLUTE = re.compile(r"(?!mlflow-artifacts:)[a-z][a-z0-9+.-]*://[^?#;]*")
"""Artifact roots that mean the same to every process; MLflow resolves others."""
_ROOT = select(workspaces.c.default_artifact_root).where(workspaces.c.name == bindparam("of"))
_CREATE = text(
    "INSERT INTO experiments (name, workspace, lifecycle_stage, creation_time, last_update_time)"
    " VALUES (:name, :of, 'active', :now, :now) ON CONFLICT DO NOTHING RETURNING experiment_id"
)
_PLACE = text("UPDATE experiments SET artifact_location = :place WHERE experiment_id = :experiment")


def create_experiment(database: Database, workspace: str, name: str, root: str, *, is_chosen: bool) -> bool:
    """Create an experiment; one of the name stays as it is.

    :param root: where artifacts go.
    :param is_chosen: whether that is the workspace's own place; otherwise the workspace gets a folder in it.
    :returns: False where MLflow has to do it, for its name or its place.
    """
    with database.reading() as connection:
        theirs = connection.execute(_ROOT, {"of": workspace}).first()
    if not is_chosen:
        root = (theirs[0] if theirs else None) or below(root, "workspaces", workspace)
    if theirs is None or not _ABSOLUTE.fullmatch(root) or not 0 < len(name) <= _LONGEST_NAME:
        return False
    with database.writing() as connection:
        now = int(time.time() * 1000)
        made = connection.execute(_CREATE, {"name": name, "of": workspace, "now": now}).scalar()
        if made is not None:
            connection.execute(_PLACE, {"place": below(root, str(made)), "experiment": made})
    return True
