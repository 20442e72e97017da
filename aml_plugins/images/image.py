"""Images in Python: create, look at, deploy."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aml_plugins.datastores.opening import default_datastore
from aml_plugins.errors import (
    BackendError,
    InvalidInputError,
    NotFoundError,
    OperationFailedError,
    RemoteFailedError,
    TransientBackendError,
)
from aml_plugins.images.building import BUILDING, SUCCEEDED, abandon_build, build_image, task_id
from aml_plugins.images.describing import described
from aml_plugins.images.inference import InferenceConfig
from aml_plugins.images.keeping import fetch_image, log_path
from aml_plugins.images.opening import image_layout
from aml_plugins.images.registry.workspace import registry_of
from aml_plugins.images.saving import write_docker_archive, write_layout
from aml_plugins.names import check_name
from aml_plugins.runs.monitoring import ensure_monitor
from aml_plugins.store.records import ImageRecord

if TYPE_CHECKING:
    from aml_plugins.model import Model
    from aml_plugins.services.service import Service
    from aml_plugins.tasks.task import Task
    from aml_plugins.workspace import Workspace

__all__ = ["Image"]

_LOOK_SECONDS = 0.2
_REMOTE = frozenset({BackendError.code, TransientBackendError.code})


class Image:
    """A version of an image.

    :param record: the image as of the last look.
    """

    def __init__(self, workspace: Workspace, record: ImageRecord) -> None:
        self.workspace = workspace
        self.record = record
        self.name = record.name
        self.version = record.version

    def __repr__(self) -> str:
        return f"Image(name={self.name!r}, version={self.version}, state={self.record.state!r})"

    @classmethod
    def create(
        cls,
        workspace: Workspace,
        name: str,
        *,
        models: Sequence[Model],
        inference: InferenceConfig | None = None,
        builder: str = "oci",
        base_image: str | None = None,
        ca_file: str | Path | None = None,
        registry: Mapping[str, Any] | None = None,
        variables: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        show_output: bool = False,
        wait: bool = True,
    ) -> Image:
        """Build the next version of an image and register it.

        The image exists once the call returns. Where the process ends before, :meth:`wait_for_creation` or a monitor
        goes on.

        :param inference: the scoring script; without one, the one model is an MLflow model and is served as MLflow's
            own server serves it, in the environment that it was logged with.
        :param base_image: what the image begins with; the builder's default is this machine's own Python.
        :param ca_file: certificates that programs in the image trust besides the base's.
        :param registry: where to push it: ``{"type": "oci", "address": HOST, "username": …, "password": secret://…}``;
            by default the workspace's registry, ``{}`` for none.
        :param variables: environment variables of the image.
        :param show_output: print the build's log as it comes.
        :param wait: False returns once the image is written down, and leaves building it to a monitor.
        :raises InvalidInputError: for what cannot be built; nothing was written.
        :raises OperationFailedError: where the build failed.
        """
        check_name("image", name)
        if registry is None:
            registry = registry_of(workspace.context, workspace.name)
        record = described(
            workspace, name, models, inference or InferenceConfig(), builder=builder, base_image=base_image,
            ca_file=ca_file, registry=registry, variables=variables, tags=tags,
        )  # fmt: skip
        image = cls(workspace, workspace.context.store.images.add(record))
        if wait:
            image.wait_for_creation(show_output=show_output)
        else:
            ensure_monitor(workspace.context)
        return image

    @classmethod
    def get(cls, workspace: Workspace, name: str, version: int | None = None) -> Image:
        """Return a version of an image, the newest by default.

        :raises NotFoundError: where there is none.
        """
        return cls(workspace, workspace.context.store.images.get(workspace.name, name, version))

    @classmethod
    def newest_built(cls, workspace: Workspace, name: str) -> Image:
        """Return the newest version that can be deployed.

        :raises NotFoundError: where there is no such image.
        :raises InvalidInputError: where no version of it was built.
        """
        newest = cls.get(workspace, name)
        if newest.record.state == SUCCEEDED:
            return newest
        built = next((one for one in cls.list(workspace, name) if one.record.state == SUCCEEDED), None)
        if built is None:
            shown = f"{name}:{newest.version}"
            what = f"No version of the image '{name}' was built: the newest, {shown}, is {newest.record.state}."
            raise InvalidInputError(what, f"See: aml image logs {shown}")
        return built

    @classmethod
    def list(cls, workspace: Workspace, name: str | None = None) -> Sequence[Image]:
        """Return all versions, of one image or of all, newest first."""
        return [cls(workspace, record) for record in workspace.context.store.images.list(workspace.name, name)]

    @property
    def state(self) -> str:
        """The state now: Building, Succeeded or Failed."""
        return self.refresh().record.state

    @property
    def digest(self) -> str | None:
        """The digest of the image's manifest."""
        return self.record.digest

    @property
    def location(self) -> str | None:
        """Where it can be pulled from."""
        return self.record.location

    @property
    def models(self) -> Sequence[Model]:
        """The models in it."""
        from aml_plugins.model import Model  # noqa: PLC0415  they know each other

        found = self.record.models
        named = [model for model in found if isinstance(model, Mapping)] if isinstance(found, (list, tuple)) else []
        return [Model.get(self.workspace, str(model["name"]), str(model["version"])) for model in named]

    @property
    def services(self) -> Sequence[Service]:
        """The services that run it."""
        from aml_plugins.services.service import Service  # noqa: PLC0415  they know each other

        return [service for service in Service.list(self.workspace) if self._id in service.image_names]

    @property
    def task(self) -> Task:
        """The task that built it."""
        from aml_plugins.tasks.task import Task  # noqa: PLC0415  seldom needed

        return Task.get(self.workspace, task_id(self.record))

    @property
    def _id(self) -> str:
        return f"{self.name}:{self.version}"

    def refresh(self) -> Image:
        """Look again."""
        self.record = self.workspace.context.store.images.get(self.workspace.name, self.name, self.version)
        return self

    def wait_for_creation(self, *, show_output: bool = False) -> None:
        """Return once the image is there; build it where nobody does.

        :raises OperationFailedError: where the build failed; :class:`RemoteFailedError` where a registry, or another
            service that the build needs, refused or could not be reached.
        :raises KeyboardInterrupt: on Ctrl-C; a monitor goes on with it.
        """
        from aml_plugins.runs.monitoring import going_on  # noqa: PLC0415  not needed by who reads

        words = f"the image {self._id} is built on; wait for it again with: image.wait_for_creation()"
        with going_on(self.workspace.context, words):
            self._build(_print if show_output else _be_quiet)
        if self.record.state != SUCCEEDED:
            failed = RemoteFailedError if self.record.error_code in _REMOTE else OperationFailedError
            raise failed(
                f"The image {self._id} could not be built. {self.record.reason}", f"See: aml image logs {self._id}"
            )

    def _build(self, show: Callable[[str], None]) -> None:
        while self.refresh().record.state == BUILDING:
            self.record = build_image(self.workspace.context, self.record, show)
            if self.record.state == BUILDING:
                time.sleep(_LOOK_SECONDS)  # another process has it

    def get_logs(self) -> str:
        """Return the build's log."""
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder, "log")
            try:
                default_datastore(self.workspace.context, self.workspace.name).get(log_path(self.record), local)
            except NotFoundError:
                return ""
            return local.read_text(encoding="utf-8", errors="replace")

    def fetch(self) -> None:
        """Bring the image's blobs to this machine's cache."""
        if self.record.digest is None or self.record.state != SUCCEEDED:
            raise InvalidInputError(f"The image {self._id} is not there: its state is {self.record.state}.")
        context = self.workspace.context
        fetch_image(default_datastore(context, self.workspace.name), image_layout(context), self.record.digest)

    def pull(self, target: str | Path, *, docker: bool = False) -> Path:
        """Write the image to a file or directory.

        :param target: an OCI layout: a directory, or a tar file where the name ends in ``.tar``.
        :param docker: write a tar file for ``docker load`` instead.
        :raises InvalidInputError: for a directory that has other files.
        :raises OperationFailedError: where it cannot be written there.
        """
        self.fetch()
        path, layout = Path(target), image_layout(self.workspace.context)
        write = write_docker_archive if docker else write_layout
        try:
            write(layout, self.record.digest or "", path, f"{self.name}:{self.version}")
        except OSError as error:
            raise OperationFailedError(f"'{path}' cannot be written: {error.strerror}.") from error
        return path

    def delete(self) -> None:
        """Delete the version from the registry of images; refused while a service runs it.

        One that is being built is given up: what others do for it is ended. Blobs stay: other images share them.
        """
        users = [service.name for service in self.services]
        if users:
            raise InvalidInputError(
                f"The image {self._id} is used by: {', '.join(users)}.", "Delete or update the service first."
            )
        if self.refresh().record.state == BUILDING:
            abandon_build(self.workspace.context, self.record)
        self.workspace.context.store.images.remove(self.workspace.name, self.name, self.version)

    def deploy(
        self, name: str, *, target: str = "local", wait: bool = False, replicas: int = 1, **settings: Any
    ) -> Service:
        """Deploy the image as a web service.

        :param target: an attached compute target, or a service type such as ``local`` or ``docker``; ``aml compute
            list`` and ``aml plugins list`` show them.
        :param settings: of the type; see its reference page.
        """
        from aml_plugins.services.service import Service  # noqa: PLC0415  they know each other

        return Service.deploy(self.workspace, name, self, target=target, wait=wait, replicas=replicas, **settings)


def _print(line: str) -> None:
    # In one piece: two threads have something to say.
    print(f"{line}\n", end="", flush=True)  # noqa: T201  what show_output asks for


def _be_quiet(_: str) -> None:
    """Say nothing."""
