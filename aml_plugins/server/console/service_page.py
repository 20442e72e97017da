"""The page of a service: what it is, which versions share its requests, what happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import AmlError
from aml_plugins.home import home_id
from aml_plugins.server.console.run_page import event_json
from aml_plugins.services.types import load_backend
from aml_plugins.services.versions import versions_of

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.server.console.queries import ConsoleQueries
    from aml_plugins.services.contract import ServiceBackend
    from aml_plugins.store.records import ServiceRecord

__all__ = ["backend_within_reach", "service_page"]

TASKS = 10
EVENTS = 200
_SHOWN = ("name", "service_id", "type", "state", "endpoint", "reason", "error_code", "user", "created_at", "updated_at")
_OF_A_VERSION = ("key", "image", "weight", "replicas", "started_at")


def service_page(context: Context, queries: ConsoleQueries, record: ServiceRecord) -> dict[str, Any]:
    """Return the page of a service; what its requests are like and what it logs comes by itself."""
    tasks = [task for task in queries.tasks_of(record.workspace, record.name) if task["kind"] == "service"][-TASKS:]
    newest = tasks[-1]["task_id"] if tasks else None
    events = context.store.tasks.events(record.workspace, newest, limit=EVENTS) if newest else ()
    return {
        "service": {name: getattr(record, name) for name in _SHOWN},
        "wanted": _wanted(record),
        "versions": [_version(context, record, one) for one in versions_of(record)],
        "tasks": tasks,
        "events": [event_json(event) for event in events],
        "is_within_reach": backend_within_reach(context, record) is not None,
    }


def backend_within_reach(context: Context, record: ServiceRecord) -> ServiceBackend | None:
    """Return what drives the service; None where its plugin is missing here, or only another machine sees it."""
    try:
        backend = load_backend(context, record.type)
    except AmlError:
        return None
    is_here = not backend.is_local or record.desired.get("home") == home_id(context.home)
    return backend if is_here else None


def _wanted(record: ServiceRecord) -> dict[str, Any]:
    """Return what the service shall be. Of its variables the names: values may be what nobody should see."""
    desired = dict(record.desired)
    given = desired.get("config")
    config = dict(given) if isinstance(given, Mapping) else {}
    variables = config.pop("variables", None)
    return {
        **{name: desired.get(name) for name in ("image", "replicas", "traffic", "generation")},
        "deleted": bool(desired.get("deleted")),
        "needs_key": bool(config.get("auth")),
        "config": config,
        "variables": sorted(variables) if isinstance(variables, Mapping) else [],
    }


def _version(context: Context, record: ServiceRecord, one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one.get(name) for name in _OF_A_VERSION} | {
        "was_ready": bool(one.get("was_ready")),
        "models": _models(context, record, str(one.get("image", ""))),
    }


def _models(context: Context, record: ServiceRecord, image: str) -> list[str]:
    """Return the models in an image, ``name:version``."""
    name, _, version = image.rpartition(":")
    try:
        found = context.store.images.get(record.workspace, name, int(version)).models
    except (AmlError, ValueError):
        return []
    models = found if isinstance(found, (list, tuple)) else ()
    return [f"{one.get('name')}:{one.get('version')}" for one in models if isinstance(one, Mapping)]
