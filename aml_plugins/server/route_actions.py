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
}
