"""Everything that the overview of a workspace shows, in a handful of statements."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.targets import BUILT_IN_TARGET
from aml_plugins.datastores.opening import DEFAULT_DATASTORE
from aml_plugins.provisioning.telling import task_id as creation_task
from aml_plugins.server.console.queries import ConsoleQueries, RunFilter
from aml_plugins.store.page_tokens import token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aml_plugins.store.interface import Store
    from aml_plugins.store.records import ProvisioningRecord

__all__ = ["LISTED", "PAGE", "TASKS", "overview", "page_of_runs"]

PAGE = 50
TASKS = 30
LISTED = 100
"""Targets, datastores, images and services that the page shows of each; the command line lists all."""


def overview(store: Store, queries: ConsoleQueries, workspace: str, wanted: RunFilter) -> dict[str, Any]:
    """Return the overview.

    :param wanted: which runs to show; the rest of the page does not depend on it.
    """
    targets = _targets(store, queries, workspace)
    lists: dict[str, Sequence[dict[str, Any]]] = {
        "targets": targets,
        "tasks": queries.active_tasks(workspace, TASKS + 1),
        "datastores": _datastores(store, workspace),
        "images": queries.images(workspace, LISTED + 1),
        "services": [_service(row) for row in queries.services(workspace, LISTED + 1)],
    }
    longest = {name: TASKS if name == "tasks" else LISTED for name in lists}
    return {
        "workspace": workspace,
        "runs": page_of_runs(queries, workspace, wanted, None),
        **{name: found[: longest[name]] for name, found in lists.items()},
        "more": {name: len(found) > longest[name] for name, found in lists.items()},
        "choices": {
            "experiments": queries.experiments(workspace),
            "targets": sorted({target["name"] for target in targets}),
        },
    }


def page_of_runs(
    queries: ConsoleQueries, workspace: str, wanted: RunFilter, before: tuple[float, str] | None
) -> dict[str, Any]:
    """Return a page of runs and the token of the next one."""
    rows = queries.runs(workspace, wanted, PAGE + 1, before)
    items = rows[:PAGE]
    more = len(rows) > PAGE
    return {
        "items": items,
        "next_page_token": token_of(float(items[-1]["created_at"]), items[-1]["run_id"]) if more else None,
    }


def _targets(store: Store, queries: ConsoleQueries, workspace: str) -> list[dict[str, Any]]:
    """Return the compute targets with what waits and runs on each; ``local`` is there without being attached."""
    queues: dict[str, dict[str, int]] = defaultdict(dict)
    for row in queries.queues(workspace):
        queues[row["target"]][row["state"]] = row["runs"]
    known = {record.name: record for record in store.compute_targets.list(workspace)}
    types = {BUILT_IN_TARGET: "local"} | {name: record.type for name, record in known.items()}
    slots = {name: record.config.get("max_parallel_runs") for name, record in known.items()}
    created = {record.name: record for record in store.provisionings.list(workspace)}
    return [
        {"name": name, "type": types.get(name, ""), "slots": slots.get(name), "queue": queues.get(name, {})}
        | _creation(created.get(name), is_known=name in types)
        for name in sorted({*types, *queues})
    ]


def _creation(record: ProvisioningRecord | None, *, is_known: bool) -> dict[str, Any]:
    """Return how the creation of a target stands; one that was attached was there before.

    Whether an attached one can be reached is not asked here: a page must not wait for somebody's cloud.
    """
    if record is None:
        return {"state": "Attached" if is_known else "Detached", "reason": None, "task": None}
    task = creation_task(record) if record.desired.get("request") else None  # what a stranger wrote may have none
    return {"state": record.state, "reason": record.reason, "task": task}


def _service(row: dict[str, Any]) -> dict[str, Any]:
    """Return a service with the image that it shall run, without its other settings."""
    return {name: value for name, value in row.items() if name != "desired"} | {"image": row["desired"].get("image")}


def _datastores(store: Store, workspace: str) -> list[dict[str, Any]]:
    """Return the datastores, without their settings: those are the Owner's."""
    record = store.workspaces.find(workspace)
    default = str((record.settings.get("default_datastore") if record else None) or DEFAULT_DATASTORE)
    types = {DEFAULT_DATASTORE: "directory"} | {found.name: found.type for found in store.datastores.list(workspace)}
    return [{"name": name, "type": types[name], "default": name == default} for name in sorted(types)]
