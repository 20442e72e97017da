"""Names and labels of what a service has in a cluster: they follow from its id, and exist once."""

from __future__ import annotations

from aml_plugins.json_types import JsonObject

__all__ = ["DEPLOYMENT", "MANAGED", "ROLE", "SERVICE", "front_labels", "front_name", "version_labels", "version_name"]

SERVICE, DEPLOYMENT, ROLE = "aml-plugins/service", "aml-plugins/deployment", "aml-plugins/role"
MANAGED = {"app.kubernetes.io/managed-by": "aml-plugins"}


def version_name(handle: JsonObject) -> str:
    """Return the name of all that one version has."""
    return f"aml-{handle['key']}"


def front_name(service_id: str) -> str:
    """Return the name of the front, its Service, its routes."""
    return f"aml-{service_id[:20]}-front"


def version_labels(service_id: str, key: str) -> dict[str, str]:
    """Return the labels of a version's objects."""
    return {**MANAGED, SERVICE: service_id, DEPLOYMENT: key, ROLE: "version"}


def front_labels(service_id: str) -> dict[str, str]:
    """Return the labels of the front's objects."""
    return {**MANAGED, SERVICE: service_id, ROLE: "front"}
