# mypy: allow-untyped-calls
# MLflow's repositories are not annotated.
"""MLflow artifacts in a datastore: ``aml-datastore://NAME/path``, or ``aml-datastore:///path`` for the default one.

The workspace is that of the request (MLflow's own context) at each call, never one that the address names: whoever may
write an address must not reach another workspace's datastore with it.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import mlflow  # noqa: TID253  a leaf: imported with the first artifact
from mlflow.entities import FileInfo  # noqa: TID253  as above
from mlflow.exceptions import MlflowException  # noqa: TID253  as above
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST  # noqa: TID253  as above
from mlflow.store.artifact.artifact_repo import ArtifactRepository  # noqa: TID253  as above
from mlflow.utils.file_utils import create_tmp_dir  # noqa: TID253  as above
from mlflow.utils.workspace_context import get_request_workspace  # noqa: TID253  as above

from aml_plugins.errors import NotFoundError
from aml_plugins.home import resolve_store_uri
from aml_plugins.mlflow_store.datastore_places import datastore_at, name_and_path
from aml_plugins.mlflow_store.failures import to_mlflow
from aml_plugins.mlflow_store.locations import server_store_uri

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore

__all__ = ["DatastoreArtifacts"]

DEFAULT_WORKSPACE = "default"
_STORES = ("aml+", "sqlite:", "postgresql:", "http://", "https://")


class DatastoreArtifacts(ArtifactRepository):
    """Artifacts below a path of a datastore.

    :param workspace: None for the request's, at each call.
    """

    def __init__(
        self,
        artifact_uri: str,
        tracking_uri: str | None = None,
        registry_uri: str | None = None,
        *,
        workspace: str | None = None,
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        with to_mlflow():
            self._name, self._root = name_and_path(artifact_uri)
        self._store_uri = _store_uri(tracking_uri)
        self._workspace = workspace

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a file under its name."""
        local = Path(local_file)
        with to_mlflow():
            self._datastore().upload(local, self._path(artifact_path, local.name))

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Store a directory's files."""
        with to_mlflow():
            self._datastore().upload(Path(local_dir), self._path(artifact_path))

    def list_artifacts(self, path: str | None = None) -> list[FileInfo]:
        """List one level; none where the path is a file, as MLflow has it."""
        with to_mlflow():
            found = self._datastore().children(self._path(path))
            return [FileInfo(str(PurePosixPath(path or "", name)), size is None, size) for name, size in sorted(found)]

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Bring a file or a directory below ``dst_path``, under its artifact path."""
        destination = Path(os.path.abspath(dst_path) if dst_path else create_tmp_dir())  # noqa: PTH100  as MLflow's own
        if not destination.is_dir():
            raise MlflowException(f"There is no directory {destination} to download to", RESOURCE_DOES_NOT_EXIST)
        path = self._path(artifact_path)
        target = destination / PurePosixPath(artifact_path or "")
        with to_mlflow():
            datastore = self._datastore()
            try:
                datastore.download(path, target)
            except NotFoundError:
                if artifact_path:
                    raise MlflowException(f"There is no artifact '{artifact_path}'", RESOURCE_DOES_NOT_EXIST) from None
        return str(target)

    def get_local_path(self, artifact_path: str) -> str | None:
        """Return the file itself where the datastore is a directory of this machine: no copy is needed."""
        with to_mlflow():
            local = self._datastore().local_path(self._path(artifact_path))
        return str(local) if local is not None and local.is_file() else None

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Delete a file, or all files below a path."""
        path = self._path(artifact_path)
        with to_mlflow():
            datastore = self._datastore()
            if path and datastore.exists(path):
                datastore.delete(path)
            for found, _ in list(datastore.list(path)):
                datastore.delete(found)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        with to_mlflow():
            self._datastore().get(self._path(remote_file_path), Path(local_path))

    def _path(self, artifact_path: str | None, *names: str) -> str:
        parts = [self._root, (artifact_path or "").strip("/"), *names]
        return "/".join(part for part in parts if part and part != ".")

    def _datastore(self) -> Datastore:
        workspace = self._workspace or get_request_workspace() or DEFAULT_WORKSPACE
        return datastore_at(self._store_uri, workspace, self._name)


def _store_uri(tracking_uri: str | None) -> str:
    """Return the store whose datastores are meant: the server's own, the tracking URI's, or what is configured."""
    chosen = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else ""  # else a database of MLflow's own making
    known = server_store_uri() or tracking_uri or chosen
    if not known.startswith(_STORES):
        return resolve_store_uri()
    return f"aml+{known}" if known.startswith(("sqlite:", "postgresql:")) else known
