"""Registered models and their versions, as MLflow's own store returns them: without its prompts, which are models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, select

from aml_plugins.errors import NotFoundError
from aml_plugins.mlflow_tables.model_tables import (
    model_aliases,
    model_tags,
    model_versions,
    registered_models,
    version_tags,
)
from aml_plugins.runs.history import ModelVersion

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

    from aml_plugins.store.sql.database import Database

__all__ = ["DELETED_STAGE", "all_versions", "newest_versions", "source_of", "version_of_alias"]

DELETED_STAGE = "Deleted_Internal"
"""MLflow's stage of a version that was deleted: its row stays, so that its number is not given again."""
_IS_PROMPT = "mlflow.prompt.is_prompt"
_NEWEST_ALIAS = "latest"

_V, _T = model_versions.c, version_tags.c
_THERE = (_V.workspace == bindparam("of")) & (_V.current_stage != DELETED_STAGE)
_NAMED = _V.name == bindparam("name")
_SHOWN = select(_V.name, _V.version, _V.source, _V.run_id)
_TAGS = select(_T.name, _T.version, _T.key, _T.value).where(_T.workspace == bindparam("of"))
_NEWEST = select(_V.name, func.max(_V.version).label("version")).where(_THERE).group_by(_V.name).subquery()
_PROMPTS = select(model_tags.c.name).where(
    model_tags.c.workspace == bindparam("of"), model_tags.c.key == _IS_PROMPT, model_tags.c.value == "true"
)
_NEWEST_OF_EACH = (
    _SHOWN.join(_NEWEST, and_(_V.name == _NEWEST.c.name, _V.version == _NEWEST.c.version))
    .where(_THERE, _V.name.not_in(_PROMPTS))
    .order_by(_V.name)
)
_TAGS_OF_NEWEST = _TAGS.join(_NEWEST, and_(_T.name == _NEWEST.c.name, _T.version == _NEWEST.c.version))
_OF_ONE = _SHOWN.where(_THERE, _NAMED).order_by(_V.version.desc())
_TAGS_OF_ONE = _TAGS.where(_T.name == bindparam("name"))
_ALIASES = select(model_aliases.c.alias, model_aliases.c.version).where(
    model_aliases.c.workspace == bindparam("of"), model_aliases.c.name == bindparam("name")
)
_MODEL = select(registered_models.c.name).where(
    registered_models.c.workspace == bindparam("of"), registered_models.c.name == bindparam("name")
)
_SOURCE = select(_V.storage_location, _V.source).where(_THERE, _NAMED, _V.version == bindparam("version"))


def newest_versions(database: Database, workspace: str) -> Sequence[ModelVersion]:
    """Return the newest version of each model, by name; a model without versions is left out."""
    with database.reading() as connection:
        rows = connection.execute(_NEWEST_OF_EACH, {"of": workspace}).all()
        tags = _tags(connection, _TAGS_OF_NEWEST, {"of": workspace})
    return [_value(row, tags) for row in rows]


def all_versions(database: Database, workspace: str, name: str) -> Sequence[ModelVersion]:
    """Return all versions of a model with their aliases, newest first.

    :raises NotFoundError: where the workspace has no such model.
    """
    wanted = {"of": workspace, "name": name}
    with database.reading() as connection:
        if connection.execute(_MODEL, wanted).first() is None:
            raise _no_such_model(name)
        rows = connection.execute(_OF_ONE, wanted).all()
        tags = _tags(connection, _TAGS_OF_ONE, wanted)
        aliases = connection.execute(_ALIASES, wanted).all()
    if any(found.get(_IS_PROMPT) == "true" for found in tags.values()):
        return []
    return [_value(row, tags, sorted(alias for alias, version in aliases if version == row.version)) for row in rows]


def version_of_alias(database: Database, workspace: str, name: str, alias: str) -> str:
    """Return the version that an alias means; ``latest`` is the newest.

    :raises NotFoundError: where there is no such model, or no such alias.
    """
    versions = all_versions(database, workspace, name)
    is_newest = alias.lower() == _NEWEST_ALIAS
    found = next((one.version for one in versions if is_newest or alias in one.aliases), None)
    if found is None:
        known = ", ".join(sorted(one for version in versions for one in version.aliases)) or "none"
        raise NotFoundError(f"The model '{name}' has no alias '{alias}'.", f"It has: {known}.")
    return found


def source_of(database: Database, workspace: str, name: str, version: str) -> str:
    """Return the address of a version's files.

    :raises NotFoundError: where the workspace has no such model, or the model no such version.
    """
    wanted = {"of": workspace, "name": name, "version": int(version) if version.isdecimal() else -1}
    with database.reading() as connection:
        found = connection.execute(_SOURCE, wanted).first()
    if found is None:
        raise NotFoundError(f"The model '{name}' has no version {version}.", f"See: aml model list {name}")
    return str(found[0] or found[1])


def _no_such_model(name: str) -> NotFoundError:
    return NotFoundError(f"There is no model '{name}' in this workspace.", "See: aml model list")


def _tags(
    connection: Connection, statement: Select[Any], wanted: Mapping[str, str]
) -> Mapping[tuple[str, int], dict[str, str]]:
    found: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    for name, version, key, value in connection.execute(statement, wanted):
        found[name, version][key] = value
    return found


def _value(row: Any, tags: Mapping[tuple[str, int], dict[str, str]], aliases: Sequence[str] = ()) -> ModelVersion:
    return ModelVersion(
        name=row.name,
        version=str(row.version),
        source=row.source,
        run_id=row.run_id,
        tags=tags.get((row.name, row.version), {}),
        aliases=list(aliases),
    )
