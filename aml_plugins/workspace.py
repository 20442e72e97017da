"""The workspace: where everything of a team lives, and the door to it in Python."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.compute.targets import find_target, load_backend_type, validate_config
from aml_plugins.context import Context, open_context
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.home import configured, resolve_workspace, write_config
from aml_plugins.names import check_name
from aml_plugins.store.opening import has_password, shown_uri
from aml_plugins.store.records import ComputeTargetRecord, MemberRecord, WorkspaceRecord
from aml_plugins.suggestions import did_you_mean
from aml_plugins.workspace_names import create_workspace, list_workspaces, set_description
from aml_plugins.workspace_resources import WorkspaceResources
from aml_plugins.workspaces.settings import DEFAULT_DATASTORE, change_settings, check_open

if TYPE_CHECKING:
    from aml_plugins.experiment import Experiment
    from aml_plugins.model import Model
    from aml_plugins.provisioning.operation import ComputeOperation
    from aml_plugins.runs.reconciliation.driver import Driver
    from aml_plugins.runs.run import Run
    from aml_plugins.workspaces.lifecycle import Description

__all__ = ["Workspace"]


class Workspace(WorkspaceResources):
    """A workspace of a store. Make one with :meth:`create`, :meth:`get`, :meth:`connect` or :meth:`from_config`.

    :param name: the workspace's name; it is not checked here.
    """

    def __init__(self, context: Context, name: str) -> None:
        self.context = context
        self.name = name
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"Workspace(name={self.name!r}, store={shown_uri(self.context.store.uri)!r})"

    @classmethod
    def create(
        cls, name: str, *, description: str | None = None, store: str | None = None, exist_ok: bool = False
    ) -> Workspace:
        """Create a workspace.

        :param description: a few words for people.
        :param store: a store URI; None for the one that the environment or the embedded default names.
        :param exist_ok: return the workspace where it exists already.
        :raises AlreadyExistsError: where the name is taken.
        :raises InvalidInputError: for a name that MLflow does not allow.
        """
        context = open_context(store)
        try:
            create_workspace(context.store.uri, name, description=description)
        except InvalidInputError as error:
            if not (exist_ok and error.code == "already_exists"):
                raise
        if context.store.workspaces.find(name) is None:
            with suppress(AlreadyExistsError):  # by somebody who found the workspace as new as we did
                context.store.workspaces.add(WorkspaceRecord(name=name))
        return cls(context, name)

    @classmethod
    def get(cls, name: str | None = None, *, store: str | None = None) -> Workspace:
        """Open a workspace that exists.

        :param name: None for the one that the environment or the configuration file names, else ``default``.
        :raises NotFoundError: where there is no such workspace.
        """
        context = open_context(store)
        wanted = resolve_workspace(name)
        _check_exists(context, wanted)
        return cls(context, wanted)

    @classmethod
    def connect(cls, uri: str, name: str = "default") -> Workspace:
        """Open a workspace of the store at ``uri``."""
        return cls.get(name, store=uri)

    @classmethod
    def from_config(cls, path: str | Path | None = None) -> Workspace:
        """Open the workspace that ``.aml/config.yaml`` names, here or in a directory above.

        :param path: where to begin looking; None for the working directory.
        :raises NotFoundError: where there is no such file.
        """
        found = configured(Path(path) if path else Path.cwd())
        if found is None:
            raise NotFoundError(
                f"There is no .aml/config.yaml in '{path or Path.cwd()}' or above it.",
                "Write one with: aml workspace config NAME",
            )
        return cls.get(found[1], store=found[0])

    @classmethod
    def list(cls, *, store: str | None = None) -> Sequence[str]:
        """Return the names of the store's workspaces."""
        context = open_context(store)
        return sorted(list_workspaces(context.store.uri))

    def describe(self) -> Description:
        """Return the workspace's description, and whether it is archived."""
        from aml_plugins.workspaces import lifecycle  # noqa: PLC0415  seldom

        return lifecycle.describe(self.context, self.name)

    def update(self, *, description: str | None = None, default_datastore: str | None = None) -> None:
        """Change what is given, and leave the rest as it is.

        :param default_datastore: where new snapshots go; the workspace must have it.
        :raises NotFoundError: for a datastore that is not there.
        """
        if default_datastore is not None:
            from aml_plugins.datastores.opening import open_datastore  # noqa: PLC0415  loads pydantic

            open_datastore(self.context, self.name, default_datastore)
            change_settings(
                self.context.store, self.name, lambda found: {**found, DEFAULT_DATASTORE: default_datastore}
            )
        if description is not None:
            set_description(self.context.store.uri, self.name, description)

    def archive(self) -> None:
        """Let nothing new begin in the workspace. What runs goes on, and everything can be read."""
        from aml_plugins.workspaces import lifecycle  # noqa: PLC0415  seldom

        lifecycle.archive(self.context, self.name)

    def restore(self) -> None:
        """Take an archived workspace back into use."""
        from aml_plugins.workspaces import lifecycle  # noqa: PLC0415  seldom

        lifecycle.restore(self.context, self.name)

    def contents(self) -> Mapping[str, int]:
        """Count what lives in the workspace, by what it is called, in the plural: ``{"runs": 3}``."""
        from aml_plugins.workspaces import lifecycle  # noqa: PLC0415  seldom

        return lifecycle.contents(self.context, self.name)

    def delete(self, *, force: bool = False) -> None:
        """Delete the workspace. Interrupted anywhere, the same call goes on where it stood.

        :param force: with everything in it (see :meth:`contents`); runs are cancelled first. Files in registered
            datastores stay, except snapshots.
        :raises InvalidInputError: for ``default``, and without ``force`` while anything lives in the workspace.
        :raises PermissionDeniedError: for users of a server who are not its administrators; nothing has begun then.
        :raises OperationFailedError: where runs do not end in time; delete again.
        """
        from aml_plugins.workspaces import lifecycle  # noqa: PLC0415  seldom

        lifecycle.delete(self.context, self.driver, self.name, force=force)

    @property
    def role(self) -> str:
        """What you are in the workspace: ``owner``, ``contributor`` or ``reader``; owner where nobody is asked."""
        return self.context.store.members.role(self.name)

    def members(self) -> Sequence[MemberRecord]:
        """Return who has which role in the workspace, by name.

        :raises InvalidInputError: where the store is a database: it asks nobody who he is.
        """
        return self.context.store.members.list(self.name)

    def share(self, user: str, role: str = "reader") -> MemberRecord:
        """Give a user of the server a role in the workspace, in place of any other that he has there.

        :param role: ``owner``, ``contributor`` or ``reader``.
        :raises PermissionDeniedError: unless you are an owner.
        :raises NotFoundError: where there is no such user.
        """
        return self.context.store.members.put(self.name, user, role)

    def unshare(self, user: str) -> None:
        """Take from a user every role and permission in the workspace.

        :raises PermissionDeniedError: unless you are an owner.
        :raises NotFoundError: where he is no member.
        """
        self.context.store.members.remove(self.name, user)

    def write_config(self, directory: str | Path = ".") -> Path:
        """Write ``.aml/config.yaml`` so that tools started there find this workspace.

        :raises InvalidInputError: where the store's URI has a password: such files are committed and shared.
        """
        if has_password(self.context.store.uri):
            raise InvalidInputError(
                f"The URI of the store {shown_uri(self.context.store.uri)} has a password, which no file may keep.",
                "Leave it out of the URI, and give it in PGPASSWORD, ~/.pgpass or MLFLOW_TRACKING_PASSWORD.",
            )
        return write_config(Path(directory), store=self.context.store.uri, workspace=self.name)

    @property
    def driver(self) -> Driver:
        """The driver of the calling thread."""
        from aml_plugins.runs.reconciliation.driver import Driver  # noqa: PLC0415  loads what submitting needs

        if not hasattr(self._local, "driver"):
            self._local.driver = Driver(self.context)
        driver: Driver = self._local.driver
        return driver

    @property
    def compute_targets(self) -> Mapping[str, ComputeTargetRecord]:
        """The attached compute targets by name, and ``local``, which is always there."""
        records = {record.name: record for record in self.context.store.compute_targets.list(self.name)}
        records.setdefault("local", find_target(self.context.store, self.name, "local"))
        return records

    def attach_compute(self, type_name: str, name: str, **settings: Any) -> ComputeTargetRecord:
        """Attach a compute target.

        :param type_name: a target type, such as ``local``; ``aml plugins list`` shows all.
        :param settings: the type's settings; see its reference page.
        :raises InvalidInputError: for a wrong name or setting; nothing was written.
        """
        check_name("compute target", name)
        check_open(self.context.store, self.name)
        backend_type = load_backend_type(self.context.plugins, type_name)
        config = validate_config(backend_type, type_name, settings)
        record = ComputeTargetRecord(
            workspace=self.name,
            name=name,
            type=type_name,
            config=config.model_dump(mode="json", exclude_unset=True),
        )
        return self.context.store.compute_targets.add(record)

    def detach_compute(self, name: str) -> None:
        """Detach a compute target; refused while runs on it have not ended, or services live on it.

        What it stands for stays.
        """
        find_target(self.context.store, self.name, name)
        self.context.store.compute_targets.remove(self.name, name)
        self.context.backends.forget(self.name, name)

    def create_compute(
        self,
        type_name: str,
        name: str,
        *,
        timeout_seconds: float = 3600.0,
        wait: bool = False,
        maker: str = "",
        **settings: Any,
    ) -> ComputeOperation:
        """Create a compute target: a pool of Azure Batch, an AKS or HDInsight cluster.

        The call returns once it is written down; a monitor or ``wait_for_completion()`` of what is returned brings it
        up. Asked again with the same settings, it is the same creation. What a failed creation left is deleted.

        :param type_name: ``azure-batch``, ``aks``, ``hdinsight`` or a plugin's type that can be created.
        :param timeout_seconds: how long it may take until it is ready.
        :param maker: what asks for it, in its own words, such as a task of Airflow; ``maker`` of what is returned says
            what asked first, so that nobody takes back what somebody else began.
        :param settings: the type's settings; see its reference page.
        :raises InvalidInputError: for a type that cannot be created, a wrong name or setting; nothing was written.
        """
        from aml_plugins.provisioning.asking import create_compute  # noqa: PLC0415  seldom needed

        return create_compute(self, type_name, name, settings, timeout_seconds=timeout_seconds, wait=wait, maker=maker)

    def plan_compute(self, type_name: str, name: str, **settings: Any) -> Mapping[str, Any]:
        """Return what :meth:`create_compute` would ask of the remote side, without asking."""
        from aml_plugins.provisioning.asking import plan_compute  # noqa: PLC0415  as above

        return plan_compute(self, type_name, name, settings)

    def delete_compute(self, name: str, *, wait: bool = False) -> ComputeOperation:
        """Delete a compute target that was created here, and what it stands for. An attached one is only detached.

        :raises InvalidInputError: while runs on it have not ended, and for one that was attached.
        """
        from aml_plugins.provisioning.asking import delete_compute  # noqa: PLC0415  as above

        return delete_compute(self, name, wait=wait)

    def compute_operation(self, name: str) -> ComputeOperation | None:
        """Return what was asked for last of a created target; None for one that was attached."""
        from aml_plugins.provisioning.operation import find_operation  # noqa: PLC0415  as above

        return find_operation(self, name)

    def experiment(self, name: str) -> Experiment:
        """Return an experiment; it is created by its first run."""
        from aml_plugins.experiment import Experiment  # noqa: PLC0415  they know each other

        return Experiment(self, name)

    def get_run(self, run_id: str) -> Run:
        """Return a run by its id, or by the beginning of its id where that is unique.

        :raises NotFoundError: where the workspace has no such run.
        """
        from aml_plugins.runs.run import find_run  # noqa: PLC0415  they know each other

        return find_run(self, run_id)

    def find_run(self, *, idempotency_key: str) -> Run | None:
        """Return the run that was submitted under a key, None where there is none."""
        from aml_plugins.runs.run import Run  # noqa: PLC0415  they know each other

        record = self.context.store.runs.find_by_key(self.name, idempotency_key)
        return Run(self, record) if record else None

    @property
    def models(self) -> Sequence[Model]:
        """The newest version of each registered model."""
        from aml_plugins.model import Model  # noqa: PLC0415  they know each other

        return Model.list(self)

    def close(self) -> None:
        """Let go of leases and connections."""
        if hasattr(self._local, "driver"):
            self._local.driver.release()
        self.context.close()


def _check_exists(context: Context, name: str) -> None:
    """Ask MLflow only for workspaces that we have no row of: MLflow costs seconds to import."""
    if name == "default" or context.store.workspaces.find(name) is not None:
        return
    names = sorted(list_workspaces(context.store.uri))
    if name not in names:
        known = f"There is: {', '.join(names)}." if names else "None is shared with you."
        raise NotFoundError(
            f"There is no workspace '{name}'.{did_you_mean(name, names)}",
            f"{known} Create one with: aml workspace create {name}",
        )
