"""The routes of the console and the action that each is; part of the table in ``route_actions.py``."""

from __future__ import annotations

from aml_plugins.server.access import Action

__all__ = ["CONSOLE"]

CONSOLE: dict[str, Action] = {
    "console_page": Action.ENTER,
    "console_asset": Action.ENTER,
    "console_workspaces": Action.ENTER,
    "console_overview": Action.READ,
    "console_runs": Action.READ,
    "console_run": Action.READ,
    "console_live": Action.READ,
    "console_log": Action.READ,
    "console_files": Action.READ,
    "console_file": Action.READ,
    "console_snapshot": Action.READ,
    "console_snapshot_file": Action.READ,
    "console_series": Action.READ,
    "console_cancel": Action.CONTRIBUTE,
    "console_task": Action.READ,
    "console_service": Action.READ,
    "console_service_traffic": Action.READ,
    "console_service_schema": Action.READ,
    "console_service_log": Action.READ,
    "console_try_service": Action.CONTRIBUTE,
}
