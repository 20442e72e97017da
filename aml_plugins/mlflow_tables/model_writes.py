"""New versions of models, written as MLflow's own store writes them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from aml_plugins.errors import StoreError
from aml_plugins.mlflow_tables.model_tables import model_versions, registered_models, version_tags

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from aml_plugins.runs.history import ModelVersion
    from aml_plugins.store.sql.database import Database

__all__ = ["is_plain", "register_version"]

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,248}[A-Za-z0-9_-]|[A-Za-z0-9_-]")
"""Names of models and keys of tags that MLflow takes for certain; it alone judges others."""
_LONGEST_TAG, _LONGEST_SOURCE = 100_000, 500
_TRIES = 3
_V = model_versions.c
_MODEL = (registered_models.c.workspace == bindparam("of")) & (registered_models.c.name == bindparam("model"))
# In SQL, as in writes.py. Two who register at a time wait for each other at the second statement.
_CREATE = text(
    "INSERT INTO registered_models (workspace, name, creation_time, last_updated_time)"
    " VALUES (:of, :model, :now, :now) ON CONFLICT DO NOTHING"
)
_TOUCH = update(registered_models).where(_MODEL).values(last_updated_time=bindparam("now"))
_LAST = select(func.max(_V.version)).where(_V.workspace == bindparam("of"), _V.name == bindparam("model"))


def is_plain(name: str, source: str, tags: Mapping[str, str]) -> bool:
    """Say whether nothing about a version needs MLflow's judgement."""
    return (
        all(_PLAIN.fullmatch(one) for one in (name, *tags))
        and all(len(value) <= _LONGEST_TAG for value in tags.values())
        and len(source) <= _LONGEST_SOURCE
        and ":/" not in source.partition("://")[0]  # models:/NAME/VERSION is another version's place
    )


def register_version(database: Database, workspace: str, new: ModelVersion) -> ModelVersion:
    """Add a version whose name and tags are plain; the model is created where it is missing.

    :param new: without a number, which is the next one.
    :raises StoreError: where the database fails, or others, who use MLflow, were faster several times.
    """
    for _ in range(_TRIES):
        with suppress(IntegrityError), database.writing() as connection:
            version = _add(connection, workspace, new)
            row = {"workspace": workspace, "name": new.name, "version": version}
            if new.tags:
                tags = [{**row, "key": key, "value": value} for key, value in new.tags.items()]
                connection.execute(insert(version_tags), tags)
            return replace(new, version=str(version), tags=dict(new.tags), aliases=[])
    raise StoreError(f"Others register versions of the model '{new.name}' all the time.", "Try again.")


def _add(connection: Connection, workspace: str, new: ModelVersion) -> int:
    wanted = {"of": workspace, "model": new.name}
    now = int(time.time() * 1000)
    connection.execute(_CREATE, {**wanted, "now": now})
    connection.execute(_TOUCH, {**wanted, "now": now})
    version = int(connection.execute(_LAST, wanted).scalar() or 0) + 1
    row = {
        "workspace": workspace,
        "name": new.name,
        "version": version,
        "creation_time": now,
        "last_updated_time": now,
        "current_stage": "None",
        "source": new.source,
        "storage_location": new.source,
        "run_id": new.run_id,
        "status": "READY",
    }
    connection.execute(insert(model_versions), row)
    return version
