"""The URIs of our assets, and how Airflow and OpenLineage read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow.sdk import Asset  # noqa: TID253  this is the leaf that Airflow loads

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.sdk import AssetWatcher

__all__ = ["asset_to_openlineage", "create_asset", "datastore_asset", "model_asset", "sanitize_uri"]

_WORKSPACE = re.compile(r"[a-z0-9-]{1,63}")
_FORMS = "aml://WORKSPACE/models/NAME or aml://WORKSPACE/datastores/NAME/PATH"


def model_asset(name: str, *, workspace: str = "default", watchers: Sequence[AssetWatcher] = ()) -> Asset:
    """Return the asset of a registered model. Each new version is an event of it.

    :param watchers: such as ``watch_model(NAME)`` of ``triggers.model_version``, for versions not made by Airflow.
    :raises ValueError: for a name that cannot be one.
    """
    uri = f"aml://{workspace}/models/{quote(name, safe='')}"
    return Asset(name=uri, uri=uri, group="aml-model", watchers=list(watchers))


def datastore_asset(datastore: str, path: str = "", *, workspace: str = "default") -> Asset:
    """Return the asset of a file or folder in a datastore. Each upload is an event of it.

    :raises ValueError: for a path that leaves the datastore.
    """
    uri = f"aml://{workspace}/datastores/{quote(datastore, safe='')}/{quote(path.strip('/'), safe='/')}".rstrip("/")
    return Asset(name=uri, uri=uri, group="aml-datastore")


def create_asset(
    *,
    workspace: str = "default",
    model: str | None = None,
    datastore: str | None = None,
    path: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Asset:
    """Return the asset of a model or of a place in a datastore; Airflow's lineage collector asks for it by its scheme.

    :raises ValueError: unless exactly one of ``model`` and ``datastore`` is given.
    """
    if (model is None) == (datastore is None):
        raise ValueError("An asset of the scheme 'aml' is either a model or a place in a datastore.")
    found = (
        model_asset(model, workspace=workspace)
        if model is not None
        else datastore_asset(str(datastore), path, workspace=workspace)
    )
    return Asset(name=found.name, uri=found.uri, group=found.group, extra=dict(extra or {}))


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Return the URI in its normal form: no empty parts, no query.

    :raises ValueError: for what names neither a model nor a datastore.
    """
    kind, _, rest = uri.path.strip("/").partition("/")
    parts = [part for part in rest.split("/") if part]
    right = {"models": len(parts) == 1, "datastores": len(parts) >= 1}
    if not _WORKSPACE.fullmatch(uri.netloc) or not right.get(kind, False) or uri.query or uri.fragment:
        raise ValueError(f"'{uri.geturl()}' is no asset of AML Plugins. Write {_FORMS}.")
    if ".." in (unquote(part) for part in parts):
        raise ValueError(f"The path of '{uri.geturl()}' leaves its datastore. Write it without '..'.")
    return uri._replace(path="/".join(["", kind, *parts]))


def asset_to_openlineage(asset: Asset, lineage_context: object) -> Dataset:
    """Return the asset as OpenLineage's dataset: the workspace is its namespace."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    del lineage_context
    parts = urlsplit(asset.uri)
    return Dataset(namespace=f"aml://{parts.netloc}", name=unquote(parts.path.strip("/")))
