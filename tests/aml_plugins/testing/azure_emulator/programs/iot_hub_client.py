"""What a fleet's owner does with IoT Hub, by azure-iot-hub: run by test_iot_hub.py in its own Python.

Prints what it saw as JSON.
"""

import json
import sys

from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
from azure.iot.hub.protocol.models import (
    CloudToDeviceMethod,
    Configuration,
    ConfigurationContent,
    QuerySpecification,
    Twin,
)
from msrest.exceptions import HttpOperationError

host, key, device = sys.argv[1:]
connection = f"HostName={host};SharedAccessKeyName=iothubowner;SharedAccessKey={key}"
registry = IoTHubRegistryManager.from_connection_string(connection)
deployments = IoTHubConfigurationManager.from_connection_string(connection)
condition = f"deviceId = '{device}'"
runtime = {"schemaVersion": "1.1", "runtime": {"type": "docker", "settings": {}}, "systemModules": {}, "modules": {}}
seen = {}


def deploy(name, priority, content):
    made = Configuration(
        id=name,
        content=ConfigurationContent(modules_content=content),
        target_condition=condition,
        priority=priority,
    )
    return deployments.create_configuration(made)


def routes():
    return registry.get_module_twin(device, "$edgeHub").properties.desired.get("routes")


def refused(call):
    try:
        call()
    except HttpOperationError as error:
        return error.response.status_code
    return None


twin = registry.get_twin(device)
seen["twin"] = [twin.connection_state, twin.capabilities.iot_edge]
whole = {"$edgeAgent": {"properties.desired": runtime}, "$edgeHub": {"properties.desired": {"routes": {}}}}
deploy("client-base", 1, whole)
layer = deploy("client-layer", 2, {"$edgeHub": {"properties.desired.routes.up": "FROM /* INTO $upstream"}})
seen["metrics"] = [layer.system_metrics.results["targetedCount"], layer.system_metrics.results["appliedCount"]]
seen["routes"] = routes()
query = "SELECT deviceId FROM devices.modules WHERE configurations.[[client-layer]].status = 'Applied'"
seen["applied"] = len(registry.query_iot_hub(QuerySpecification(query=f"{query} AND moduleId = '$edgeHub'")).items)
layer.priority = 3
seen["priority"] = deployments.update_configuration(layer, layer.etag).priority
seen["stale"] = refused(lambda: deployments.update_configuration(layer, "old"))
logs = {
    "schemaVersion": "1.0",
    "items": [{"id": ".*", "filter": {"tail": 1}}],
    "encoding": "none",
    "contentType": "text",
}
call = CloudToDeviceMethod(method_name="GetModuleLogs", payload=logs)
answer = registry.invoke_device_module_method(device, "$edgeAgent", call)
seen["logs"] = [answer.status, answer.payload]
seen["tags"] = registry.update_twin(device, Twin(tags={"floor": 2}), twin.etag).tags["floor"]
seen["system"] = refused(lambda: registry.update_module_twin(device, "$edgeAgent", Twin(tags={}), "*"))
for name in ("client-layer", "client-base"):
    deployments.delete_configuration(name)
seen["missing"] = refused(lambda: deployments.get_configuration("client-base"))
deployments.apply_configuration_on_edge_device(device, ConfigurationContent(modules_content=whole))
seen["left"] = routes()
print(json.dumps(seen))
