"""Our assets have URIs that Airflow and OpenLineage read."""

from __future__ import annotations

import pytest
from airflow.sdk import Asset

from aml_airflow.assets import datastore_asset, model_asset
from aml_airflow.assets.aml import asset_to_openlineage, create_asset

try:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime
except ImportError:  # before Airflow 3.2
    from airflow.providers_manager import ProvidersManager as ProvidersManagerTaskRuntime


def test_a_model_and_a_place_have_uris():
    assert model_asset("iris").uri == "aml://default/models/iris"
    assert model_asset("a model/1", workspace="team-a").uri == "aml://team-a/models/a%20model%2F1"
    assert datastore_asset("blob", "/raw//day 1/").uri == "aml://default/datastores/blob/raw/day%201"
    assert datastore_asset("blob").uri == "aml://default/datastores/blob"


def test_the_same_thing_written_otherwise_is_the_same_asset():
    assert Asset("AML://default/models/iris/").uri == model_asset("iris").uri
    assert Asset("aml://default/datastores/blob//raw/").uri == datastore_asset("blob", "raw").uri


@pytest.mark.parametrize(
    "uri",
    [
        "aml://default/models",
        "aml://default/models/iris/1",
        "aml:///models/iris",
        "aml://default/images/iris",
        "aml://default/datastores",
        "aml://default/datastores/blob/../other",
        "aml://default/datastores/blob/%2e%2e/other",
        "aml://default/models/iris?version=1",
        "aml://user:password@default/models/iris",
        "aml://Default Workspace/models/iris",
    ],
)
@pytest.mark.filterwarnings("ignore:An Asset URI should not contain a password")
def test_what_is_no_asset_is_refused(uri):
    if "password" in uri:
        assert Asset(uri).uri == "aml://default/models/iris"
        return
    with pytest.raises(ValueError, match=r"is no asset|leaves its datastore"):
        Asset(uri)


def test_airflow_knows_the_scheme():
    manager = ProvidersManagerTaskRuntime()
    assert "aml" in manager.asset_uri_handlers
    assert manager.asset_factories["aml"] is create_asset
    assert manager.asset_to_openlineage_converters["aml"] is asset_to_openlineage


def test_an_asset_by_its_parts():
    assert create_asset(model="iris", extra={"version": "3"}).extra == {"version": "3"}
    assert create_asset(datastore="blob", path="raw", workspace="team-a") == datastore_asset(
        "blob", "raw", workspace="team-a"
    )
    for wrong in ({}, {"model": "a", "datastore": "b"}):
        with pytest.raises(ValueError, match="either a model or a place"):
            create_asset(**wrong)


def test_openlineage_sees_a_dataset():
    found = asset_to_openlineage(datastore_asset("blob", "day 1", workspace="team-a"), None)
    assert (found.namespace, found.name) == ("aml://team-a", "datastores/blob/day 1")
