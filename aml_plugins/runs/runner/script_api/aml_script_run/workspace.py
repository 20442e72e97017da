"""``Workspace`` and ``Experiment`` of the run around a script: their names, its data, its secrets."""

from __future__ import annotations

import os
from typing import Any

from .errors import NoSuchAttributeException, NotAvailableException
from .placeholders import DATA
from .surroundings import Surroundings

OUTSIDE = "Use aml_plugins.Workspace where the workspace's store can be reached."


class Workspace:
    """The workspace of the run, whichever a script of Azure ML asks for."""

    # Azure's, which a workspace of ours has none of; scripts print them.
    subscription_id = None
    resource_group = None
    location = None

    def __init__(
        self,
        subscription_id: Any = None,
        resource_group: Any = None,
        workspace_name: str | None = None,
        *_: Any,
        **__: Any,
    ) -> None:
        here = Surroundings(os.environ)
        self.name = here.workspace if here.complete else str(workspace_name or "default")

    @classmethod
    def from_config(cls, *_: Any, **__: Any) -> Workspace:
        """Return the workspace of the run around this process."""
        if not Surroundings(os.environ).complete:
            raise NotAvailableException("Workspace.from_config()", "Outside a run, use aml_plugins.Workspace.")
        return cls()

    @classmethod
    def get(cls, name: str | None = None, *_: Any, **__: Any) -> Workspace:
        """Return the workspace of the run around this process."""
        return cls(workspace_name=name)

    @property
    def datasets(self) -> Any:
        """Return what the run reads, by the names of the run configuration."""
        from .data_sets import data_sets  # noqa: PLC0415 - few scripts ask

        return data_sets(output=False)

    def get_default_keyvault(self) -> Any:
        """Return the secrets that the run configuration gives the script as variables."""
        from .secret_values import Keyvault  # noqa: PLC0415 - few scripts ask

        return Keyvault()

    def get_mlflow_tracking_uri(self, *_: Any, **__: Any) -> str:
        """Return where ``mlflow`` logs in this run.

        :raises NotAvailableException: where the script has no route to a tracking server.
        """
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            raise NotAvailableException(
                "The tracking server", "Log with this run, or without an address; it arrives with the outputs."
            )
        return os.environ["MLFLOW_TRACKING_URI"]

    def get_details(self) -> dict[str, Any]:
        """Return what is known here: the name."""
        return {"name": self.name}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchAttributeException(f"Workspace.{name}", DATA if "datastore" in name else OUTSIDE)

    def __repr__(self) -> str:
        return f"Workspace(name='{self.name}')"


class Experiment:
    """The experiment of a run: its name and its workspace."""

    def __init__(self, workspace: Workspace, name: str, *_: Any, **__: Any) -> None:
        self.workspace = workspace
        self.name = name

    def start_logging(self, outputs: Any = None, display_name: str | None = None, *_: Any, **__: Any) -> Any:
        """Return a child of the run around this process: what is logged to it arrives with that run."""
        from .run import Run  # noqa: PLC0415 - runs have experiments, too

        return Run.get_context(allow_offline=False).child_run(display_name or self.name, outputs=outputs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchAttributeException(
            f"Experiment.{name}", "Submit runs with aml_plugins.Experiment, or use run.child_run() in a script."
        )

    def __repr__(self) -> str:
        return f"Experiment(name='{self.name}', workspace={self.workspace!r})"
