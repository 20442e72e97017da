"""Every route of ours and the action it is. A route that is missing here cannot be made: the server does not start."""

from __future__ import annotations

from aml_plugins.server.access import Action

__all__ = ["ROUTES"]

ROUTES: dict[str, Action] = {
    "show_server": Action.ENTER,
    "list_workspaces": Action.ENTER,
    "create_workspace": Action.ADMINISTER,
    "show_workspace": Action.READ,
    "delete_workspace": Action.ADMINISTER,
    "write_workspace_settings": Action.OWN,
    "delete_workspace_settings": Action.OWN,
    "list_members": Action.READ,
    "share_workspace": Action.OWN,
    "unshare_workspace": Action.OWN,
    "list_compute_targets": Action.READ,
    "attach_compute_target": Action.OWN,
    "show_compute_target": Action.READ,
    "change_compute_target": Action.OWN,
    "detach_compute_target": Action.OWN,
    "claim_slot": Action.CONTRIBUTE,
    "list_datastores": Action.READ,
    "register_datastore": Action.OWN,
    "show_datastore": Action.READ,
    "unregister_datastore": Action.OWN,
    "show_snapshot": Action.READ,
    "note_snapshot": Action.CONTRIBUTE,
    "forget_snapshot": Action.CONTRIBUTE,
    "list_runs": Action.READ,
    "show_run": Action.READ,
    "add_run": Action.CONTRIBUTE,
    "save_run": Action.CONTRIBUTE,
    "cancel_run": Action.CONTRIBUTE,
    "list_tasks": Action.READ,
    "show_task": Action.READ,
    "write_task": Action.CONTRIBUTE,
    "list_task_events": Action.READ,
    # About things of any workspace; each checks the workspace of each thing.
    "find_run": Action.ENTER,
    "list_due_runs": Action.ENTER,
    "read_runs": Action.ENTER,
    "acquire_runs": Action.ENTER,
    "release_runs": Action.ENTER,
    "list_cancellations": Action.ENTER,
    "mark_runs_released": Action.ENTER,
    "release_slot": Action.ENTER,
    "list_unreferenced_snapshots": Action.ENTER,
    "list_undelivered_events": Action.ENTER,
    "mark_events_delivered": Action.ENTER,
}
