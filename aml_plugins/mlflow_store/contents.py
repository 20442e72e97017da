# mypy: allow-untyped-calls
# MLflow's stores are not annotated.
"""Count what MLflow keeps of a workspace, and delete what its own deletion leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository  # noqa: TID253  a leaf: imported with a store
from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun  # noqa: TID253  as above
from mlflow.store.workspace import sqlalchemy_store  # noqa: TID253  as above

from aml_plugins.errors import InvalidInputError
from aml_plugins.mlflow_store import artifacts
from aml_plugins.mlflow_store.datastore_places import SCHEME
from aml_plugins.mlflow_tables.workspaces import WORDS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

__all__ = ["count_contents", "delete_artifacts", "has_artifacts_in_datastores"]

_AT_ONCE = 500


def count_contents(session: Session, workspace: str) -> Mapping[str, int]:
    """Count the things that MLflow itself asks for before it deletes a workspace; what there is none of is left out."""
    found = {}
    # MLflow's own list: what it counts, it deletes. A new kind of thing is then counted as soon as MLflow has it.
    kinds: list[Any] = list(sqlalchemy_store._WORKSPACE_ROOT_MODELS)  # noqa: SLF001  see above
    for kind in kinds:
        count: int = session.query(kind).filter(kind.workspace == workspace).count()
        if count:
            found[WORDS.get(kind.__tablename__, kind.__tablename__)] = count
    return found


def has_artifacts_in_datastores(session: Session, workspace: str) -> bool:
    """Say whether experiments of the workspace keep their artifacts in a datastore, which is a workspace's own."""
    mine = session.query(SqlExperiment).filter(SqlExperiment.workspace == workspace)
    return mine.filter(SqlExperiment.artifact_location.like(f"{SCHEME}:%")).first() is not None


def delete_artifacts(session: Session, workspace: str) -> None:
    """Delete the files of the workspace's runs; what was deleted before, or never had any, is no trouble.

    Files in places that only a server reaches are left to the server's own ``mlflow gc``.
    """
    uris: Any = session.query(SqlRun.artifact_uri).join(SqlExperiment).filter(SqlExperiment.workspace == workspace)
    store_uri = session.get_bind().engine.url.render_as_string(hide_password=False)
    for (uri,) in uris.yield_per(_AT_ONCE):
        if uri:
            _delete(uri, workspace, store_uri)


def _delete(uri: str, workspace: str, store_uri: str) -> None:
    try:
        repository = artifacts.repository(uri, workspace, store_uri)
    except InvalidInputError:  # a server's, and this process is none
        return
    if isinstance(repository, LocalArtifactRepository):
        shutil.rmtree(repository.artifact_dir, ignore_errors=True)
    else:
        repository.delete_artifacts()
