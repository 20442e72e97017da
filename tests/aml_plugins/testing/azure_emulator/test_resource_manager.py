"""The resource manager, by Microsoft's own clients: life cycles, long-running operations, refusals."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from services.azure_asking import Asking

from aml_plugins.testing.azure_emulator import AzureEmulator, Quotas, Settings
from aml_plugins.testing.azure_emulator.tokens import new_token
from aml_plugins.testing.jobs import wait_until

GROUP = {
    "location": "westus",
    "properties": {
        "osType": "Linux",
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "c",
                "properties": {
                    "image": "none/such:1",
                    "environmentVariables": [{"name": "S", "secureValue": "hunter2"}],
                    "resources": {"requests": {"cpu": 4, "memoryInGB": 1}},
                },
            }
        ],
        "imageRegistryCredentials": [{"server": "r.example", "username": "u", "password": "hunter2"}],
    },
}


class Credential:
    """Everybody's token is taken."""

    def get_token(self, *scopes, **_):
        from azure.core.credentials import AccessToken

        return AccessToken(new_token(Settings(), scopes[0].removesuffix("/.default")), 4102444800)


def client_of(kind, emulator):
    return kind(
        Credential(),
        emulator.settings.subscription,
        base_url=emulator.https_url,
        connection_verify=str(emulator.certificate),
        credential_scopes=["https://management.azure.com/.default"],
        retry_total=0,
    )


@pytest.fixture
def name():
    return f"n-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def groups(azure):
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient

    with client_of(ContainerInstanceManagementClient, azure) as client:
        yield client.container_groups


def body(group):
    import json

    return json.dumps(group).encode()


def test_a_group_is_there_from_its_creation_on_without_secrets(groups, name):
    groups.begin_create_or_update("g", name, body(GROUP), polling=False)
    found = groups.get("g", name).serialize(keep_readonly=True)
    assert found["properties"]["provisioningState"] in {"Pending", "Succeeded", "Failed"}  # where there is no engine
    assert "instanceView" in found["properties"]["containers"][0]["properties"]
    assert "hunter2" not in str(found)
    listed = [one for one in groups.list_by_resource_group("G") if one.name == name]
    assert "instanceView" not in listed[0].serialize(keep_readonly=True)["properties"]
    assert groups.begin_delete("g", name, polling_interval=0.05).result().name == name


def test_a_group_that_is_not_there(groups, name):
    with pytest.raises(ResourceNotFoundError) as raised:
        groups.get("g", name)
    assert raised.value.error.code == "ResourceNotFound"
    assert groups.begin_delete("g", name, polling=False).result() is None


def test_a_group_that_is_still_made_cannot_be_stopped(groups, name):
    groups.begin_create_or_update("g", name, body(GROUP), polling=False)
    with pytest.raises(HttpResponseError) as raised:
        groups.stop("g", name)
    assert raised.value.error.code == "ContainerGroupTransitioning"
    groups.begin_delete("g", name, polling=False)


def test_quotas_are_told_as_azure_tells_them():
    from azure.mgmt.containerinstance import ContainerInstanceManagementClient

    with (
        AzureEmulator(Settings(quotas=Quotas(container_cores=3.0))) as small,
        client_of(ContainerInstanceManagementClient, small) as client,
        pytest.raises(HttpResponseError) as raised,
    ):
        client.container_groups.begin_create_or_update("g", "a", body(GROUP), polling=False)
    assert raised.value.error.code == "ContainerGroupQuotaReached"
    assert "Limit: '3', Usage: '0' Requested: '4'." in raised.value.error.message


def test_subscriptions_resource_groups_and_images_may_be_those_that_were_named():
    settings = Settings(check_credentials=False, subscriptions=["S1"], resource_groups=["G1"], images=["some/such:1"])
    groups, version = "providers/Microsoft.ContainerInstance/containerGroups", "api-version=2023-05-01"
    with AzureEmulator(settings) as emulator:
        ask = Asking(emulator)
        missing = (404, "ResourceGroupNotFound")
        assert ask.refused("GET", f"/subscriptions/s2/{groups}?{version}") == (404, "SubscriptionNotFound")
        assert ask.refused("GET", f"/subscriptions/s1/resourceGroups/g2/{groups}?{version}") == missing
        assert ask("GET", f"/subscriptions/s1/resourceGroups/g1/{groups}?{version}")[0] == 200
        place = f"/subscriptions/s1/resourceGroups/G2?{version}"
        assert ask.refused("GET", place) == missing
        assert ask.refused("HEAD", place) == (404, None)
        assert [ask("PUT", place, {"location": "eastus"})[0] for _ in range(2)] == [201, 200]
        assert ask("GET", f"/subscriptions/s1/resourceGroups/g2/{groups}?{version}")[0] == 200
        assert ask("DELETE", place)[0] == 200
        _, headers, said = ask("GET", place)
        assert said["error"]["message"] == "Resource group 'G2' could not be found."
        assert headers["x-ms-failure-cause"] == "gateway"
        refused = ask("PUT", f"/subscriptions/s1/resourceGroups/g1/{groups}/a?{version}", GROUP)
        assert (refused[0], refused[2]["error"]["code"]) == (400, "InaccessibleImage")
        assert refused[2]["error"]["message"].startswith("The image 'none/such:1' in container group 'a' is not access")
        assert ask("GET", f"/subscriptions/s1/resourceGroups/g1/{groups}/a?{version}")[0] == 404


@pytest.mark.parametrize(
    ("wrong", "code"), [({"osType": None}, "InvalidRequestContent"), ({"containers": []}, "InvalidContainerGroup")]
)
def test_a_wrong_group_is_refused(groups, azure, name, wrong, code):
    before = len(azure.violations)
    with pytest.raises(HttpResponseError) as raised:
        groups.begin_create_or_update(
            "g", name, body({**GROUP, "properties": {**GROUP["properties"], **wrong}}), polling=False
        )
    assert raised.value.error.code == code
    del azure.application.record.violations[before:]


def test_without_a_token_nothing_is_answered(azure):
    import ssl
    import urllib.error
    import urllib.request

    trust = ssl.create_default_context(cafile=str(azure.certificate))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{azure.https_url}/subscriptions/s/resourceGroups/g?api-version=1", context=trust)


def test_a_kubernetes_cluster_is_created_and_deleted(azure, name):
    from azure.mgmt.containerservice import ContainerServiceClient

    with client_of(ContainerServiceClient, azure) as client:
        clusters = client.managed_clusters
        with pytest.raises(ResourceNotFoundError):
            clusters.get("g", name)
        asked = {
            "location": "westus",
            "properties": {"dnsPrefix": "x", "agentPoolProfiles": [{"name": "p", "count": 1, "mode": "System"}]},
        }
        made = clusters.begin_create_or_update("g", name, asked, polling_interval=0.05).result()
        assert made.provisioning_state == "Succeeded"
        found = clusters.list_cluster_user_credentials("g", name).kubeconfigs[0]
        assert b"kind: Config" in found.value
        clusters.begin_delete("g", name, polling_interval=0.05).result()
        with pytest.raises(ResourceNotFoundError):
            clusters.get("g", name)


def test_a_batch_account_is_created_and_gives_its_key(azure, name):
    from azure.mgmt.batch import BatchManagementClient

    account = name.replace("-", "")
    with client_of(BatchManagementClient, azure) as client:
        made = client.batch_account.begin_create("g", account, {"location": "westus"}, polling_interval=0.05).result()
        assert made.account_endpoint.startswith(account)
        assert client.batch_account.get_keys("g", account).primary == azure.settings.key
        assert [one.name for one in client.batch_account.list_by_resource_group("g")] == [account]
        client.batch_account.begin_delete("g", account, polling_interval=0.05).result()
        assert list(client.batch_account.list_by_resource_group("g")) == []


def test_a_spark_cluster_is_asked_about_where_azure_says(azure, name):
    import json
    import ssl
    import urllib.request

    trust = ssl.create_default_context(cafile=str(azure.certificate))
    path = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.HDInsight/clusters/{name}"

    def ask(verb: str, url: str, asked: object = None) -> tuple[dict, dict]:
        token = Credential().get_token("https://management.azure.com/.default").token
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if asked is None else json.dumps(asked).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=verb), context=trust) as answer:
            text = answer.read()
            return json.loads(text) if text else {}, dict(answer.headers)

    url = f"{azure.https_url}{path}?api-version=2021-06-01"
    gateway = {"restAuthCredential.username": "boss", "restAuthCredential.password": "hunter2"}
    definition = {"kind": "SPARK", "configurations": {"gateway": gateway}}
    properties = {"clusterVersion": "5.1", "osType": "Linux", "clusterDefinition": definition}
    made, headers = ask("PUT", url, {"location": "westus", "properties": properties})
    assert made["properties"]["clusterState"] == "Accepted"
    polled = headers.get("Azure-AsyncOperation") or headers["azure-asyncoperation"]
    assert "/azureasyncoperations/create" in polled
    wait_until(lambda: ask("GET", polled)[0]["status"] == "Succeeded")
    shown, _ = ask("GET", url)
    assert shown["properties"]["clusterState"] == "Running"
    assert "hunter2" not in json.dumps([made, shown])
    settings, _ = ask("POST", url.replace("?", "/getGatewaySettings?"))
    assert settings == {**gateway, "restAuthCredential.isEnabled": "true"}
