"""Services of the type ``iot-edge``: modules of IoT Edge devices, by way of IoT Hub; and the targets they live on."""

from __future__ import annotations

from collections.abc import Iterable

from aml_plugins.hookspecs import TypeDescription, hookimpl

__all__ = ["aml_compute_target_types", "aml_service_types"]


@hookimpl
def aml_compute_target_types() -> Iterable[TypeDescription]:
    """Describe the type ``iot-edge``."""
    return [
        TypeDescription(
            name="iot-edge",
            factory="aml_backends.iot_edge.target:IotEdgeTarget",
            summary="A device or a fleet of an IoT hub, for services; it runs no scripts.",
            extra="iot-edge",
        )
    ]


@hookimpl
def aml_service_types() -> Iterable[TypeDescription]:
    """Describe services of the type ``iot-edge``."""
    return [
        TypeDescription(
            name="iot-edge",
            factory="aml_backends.iot_edge.service:IotEdgeService",
            summary="A module of an IoT Edge device, or of each device of a fleet.",
            extra="iot-edge",
        )
    ]
