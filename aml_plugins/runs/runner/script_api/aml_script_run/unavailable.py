"""What Azure ML's service did and a script on its own cannot: each says so, and what to do."""

from __future__ import annotations

from typing import Any

from .errors import NotAvailableException

OUTSIDE = "Use aml_plugins.Workspace and its runs where the store can be reached."
SNAPSHOT = "The snapshot was taken at submission; it is an artifact of the run."


class UnavailableCalls:
    """Methods of Azure ML's Run that need its service."""

    def submit_child(self, config: Any, tags: Any = None, **kwargs: Any) -> Any:
        """Refuse: a script does not submit."""
        raise NotAvailableException("run.submit_child()", "Use run.child_run(), or submit with aml_plugins.Experiment.")

    def take_snapshot(self, file_or_folder_path: Any) -> str:
        """Refuse: the run has its snapshot."""
        raise NotAvailableException("run.take_snapshot()", SNAPSHOT)

    def restore_snapshot(self, snapshot_id: Any = None, path: Any = None) -> str:
        """Refuse: the run has its snapshot."""
        raise NotAvailableException("run.restore_snapshot()", SNAPSHOT)

    def get_snapshot_id(self) -> str:
        """Refuse: the run has its snapshot."""
        raise NotAvailableException("run.get_snapshot_id()", SNAPSHOT)

    def clean(self) -> Any:
        """Refuse: targets are cleaned by the core."""
        raise NotAvailableException("run.clean()", "The compute target is cleaned when the run has ended.")

    def get_all_logs(self, destination: Any = None) -> Any:
        """Refuse: logs come home with the run."""
        raise NotAvailableException("run.get_all_logs()", OUTSIDE)

    def get_details_with_logs(self) -> Any:
        """Refuse: logs come home with the run."""
        raise NotAvailableException("run.get_details_with_logs()", OUTSIDE)

    def get_detailed_status(self) -> Any:
        """Refuse: the core knows it."""
        raise NotAvailableException("run.get_detailed_status()", "Use run.get_status().")

    def get_environment(self) -> Any:
        """Refuse: the run configuration has it."""
        raise NotAvailableException("run.get_environment()", OUTSIDE)

    def get_portal_url(self) -> str:
        """Return nothing to open: the tracking server's address is not the script's to know."""
        return ""

    @property
    def portal_url(self) -> str:
        """Return nothing to open, like :meth:`get_portal_url`."""
        return ""

    @classmethod
    def get_docs_url(cls) -> str:
        """Return nothing to open."""
        return ""

    @staticmethod
    def add_type_provider(runtype: str, run_factory: Any) -> None:
        """Refuse: there are no run types here."""
        raise NotAvailableException("Run.add_type_provider()", OUTSIDE)

    @staticmethod
    def get(workspace: Any, run_id: str) -> Any:
        """Refuse: a script sees its own runs."""
        raise NotAvailableException("Run.get()", "Use azureml.core.get_run() for runs of this script; else: " + OUTSIDE)

    @staticmethod
    def list(
        experiment: Any,
        type: Any = None,
        tags: Any = None,
        properties: Any = None,
        status: Any = None,
        include_children: bool = False,
        _rehydrate_runs: bool = True,
    ) -> Any:
        """Refuse: a script sees its own runs."""
        raise NotAvailableException("Run.list()", "Use run.get_children() for runs of this script; else: " + OUTSIDE)

    @staticmethod
    def list_by_compute(
        compute: Any,
        type: Any = None,
        tags: Any = None,
        properties: Any = None,
        status: Any = None,
    ) -> Any:
        """Refuse: a script sees its own runs."""
        raise NotAvailableException("Run.list_by_compute()", OUTSIDE)
