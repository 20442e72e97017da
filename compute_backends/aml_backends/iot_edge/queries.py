"""The queries over twins that are asked here.

Source: learn.microsoft.com/azure/iot-hub/iot-hub-devguide-query-language. What is put into them is quoted, or of
letters, digits, hyphens and underscores by its own check; a fleet's condition is a query's text by intention.
"""

# ruff: noqa: S608  they go to a hub, see above

from __future__ import annotations

from aml_backends.iot_edge.manifest import AGENT, DEPLOYMENT, SERVICE

__all__ = ["agents_with", "deployments_of", "devices_that", "running"]


def devices_that(condition: str) -> str:
    """Ask for the IoT Edge devices that fulfil a target condition."""
    where = "" if condition == "*" else f" AND ({condition})"
    return f"SELECT deviceId FROM devices WHERE capabilities.iotEdge = true{where}"


def deployments_of(device: str) -> str:
    """Ask which automatic deployments a device has."""
    quoted = "'" + device.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return (
        "SELECT configurations FROM devices.modules "
        f"WHERE deviceId = {quoted} AND moduleId = '{AGENT}' AND is_defined(configurations)"
    )


def agents_with(configuration: str, module: str) -> str:
    """Ask what the devices report of a module to which a deployment is applied, and which service shall have it."""
    return (
        f"SELECT deviceId, connectionState, properties.reported.modules.[[{module}]] AS module, "
        f"properties.desired.modules.[[{module}]].env.{SERVICE}.value AS service, "
        "properties.reported.lastDesiredStatus AS status FROM devices.modules "
        f"WHERE moduleId = '{AGENT}' AND configurations.[[{configuration}]].status = 'Applied'"
    )


def running(key: str, module: str) -> str:
    """Ask on which devices a version's module runs: a metric for whoever looks at the deployment in the portal."""
    reported = f"properties.reported.modules.[[{module}]]"
    return (
        f"SELECT deviceId FROM devices.modules WHERE moduleId = '{AGENT}' "
        f"AND {reported}.env.{DEPLOYMENT}.value = '{key}' AND {reported}.runtimeStatus = 'running'"
    )
