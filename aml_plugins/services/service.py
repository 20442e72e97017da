"""Services in Python: deploy, call, update, watch, delete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import InvalidInputError, OperationFailedError
from aml_plugins.names import check_name
from aml_plugins.services.calling import call_service
from aml_plugins.services.contract import ServiceBackend, ServiceKeys, target_name
from aml_plugins.services.reconciling import HEALTHY
from aml_plugins.services.telling import task_id, tell
from aml_plugins.services.types import load_backend
from aml_plugins.services.versions import ALL, versions_of
from aml_plugins.services.waiting import check_arrived, wait_until_gone, wait_until_settled
from aml_plugins.services.wanting import changed_settings, check_share, new_record, replica_count, request
from aml_plugins.store.records import ServiceRecord
from aml_plugins.store.usage import image_names

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from aml_plugins.images.image import Image
    from aml_plugins.tasks.task import Task
    from aml_plugins.workspace import Workspace

__all__ = ["Service"]


class Service:
    """A web service of a workspace.

    :param record: the service as of the last look.
    """

    def __init__(self, workspace: Workspace, record: ServiceRecord) -> None:
        self.workspace = workspace
        self.record = record
        self.name = record.name

    def __repr__(self) -> str:
        return f"Service(name={self.name!r}, type={self.record.type!r}, state={self.record.state!r})"

    @classmethod
    def deploy(
        cls,
        workspace: Workspace,
        name: str,
        image: Image,
        *,
        target: str = "local",
        replicas: int = 1,
        wait: bool = False,
        timeout_seconds: float = 300.0,
        tags: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> Service:
        """Deploy an image as a new service.

        The call returns once it is written down; a monitor or :meth:`wait_for_deployment` brings it up.

        :param target: an attached compute target whose type has services (``aks``, ``aci``, ``iot-edge``), else a
            service type (``local``, ``docker``, a plugin's).
        :param replicas: how many processes, containers or pods answer.
        :param timeout_seconds: how long it may take until it is ready.
        :param settings: of the type; see its reference page.
        :raises InvalidInputError: for what cannot be deployed; nothing was written.
        """
        check_name("service", name)
        record = new_record(
            workspace.context, workspace.name, name, f"{image.name}:{image.version}", target=target, replicas=replicas,
            timeout_seconds=timeout_seconds, tags=tags or {}, settings=settings,
        )  # fmt: skip
        service = cls(workspace, workspace.context.store.services.add(record))
        service._begin(f"Deploy {record.desired['image']} as {name}.", wait=wait)
        return service

    @classmethod
    def get(cls, workspace: Workspace, name: str) -> Service:
        """Return a service by its name.

        :raises NotFoundError: where there is none.
        """
        return cls(workspace, workspace.context.store.services.get(workspace.name, name))

    @classmethod
    def list(cls, workspace: Workspace) -> Sequence[Service]:
        """Return the workspace's services by name."""
        return [cls(workspace, record) for record in workspace.context.store.services.list(workspace.name)]

    @property
    def state(self) -> str:
        """The state now: Transitioning, Healthy, Unhealthy or Failed."""
        return self.refresh().record.state

    @property
    def scoring_uri(self) -> str | None:
        """Where to send requests; None until it is up."""
        return f"{self.record.endpoint}/score" if self.record.endpoint else None

    @property
    def image_names(self) -> Sequence[str]:
        """The images that it runs or is to run, ``name:version``."""
        return image_names(self.record)

    @property
    def task(self) -> Task:
        """The task of what was asked for last."""
        from aml_plugins.tasks.task import Task  # noqa: PLC0415  seldom needed

        return Task.get(self.workspace, task_id(self.record))

    def refresh(self) -> Service:
        """Look again."""
        self.record = self.workspace.context.store.services.get(self.workspace.name, self.name)
        return self

    def wait_for_deployment(self, *, show_output: bool = False) -> None:
        """Return once the service is what it shall be; drive it there where nobody does.

        :raises OperationFailedError: where that failed; the reason says whether an earlier version serves on.
        :raises KeyboardInterrupt: on Ctrl-C; a monitor goes on with it.
        """
        wanted = self.record.desired["generation"]
        with self._going_on("wait for it again with: service.wait_for_deployment()"):
            self.record = wait_until_settled(self.workspace.context, self.record, show_output=show_output)
        check_arrived(self.record, wanted)

    def update(
        self,
        *,
        image: Image | None = None,
        traffic: int | None = None,
        replicas: int | None = None,
        wait: bool = False,
        **settings: Any,
    ) -> None:
        """Change the service, without dropping a request. What serves now serves until the new version is ready.

        :param image: the image to run; by default the present one.
        :param traffic: the share of requests, in percent, that the image gets; the rest stays where it was. By
            default all, and with neither image nor traffic the share that it has.
        :param settings: settings of the type to change. What is not given stays as it is wanted, or, where that
            failed, as it serves.
        :raises InvalidInputError: for what cannot be; nothing was written.
        """
        if traffic is not None and not 0 < traffic <= ALL:
            raise InvalidInputError(f"The share of traffic is {traffic}, not 1 to 100.", "Give a percentage.")
        if image is None and traffic not in {None, ALL}:
            check_share(self.refresh().record)
        backend = self._backend
        changes: dict[str, Any] = {}
        if traffic is not None or image is not None:
            changes["traffic"] = ALL if traffic is None else traffic
        if image is not None:
            changes["image"] = f"{image.name}:{image.version}"
        if replicas is not None:
            changes["replicas"] = replica_count(replicas)
        if settings:
            changes["config"] = changed_settings(backend, self.refresh().record, settings)
        self._request(changes, backend)
        self._begin(f"Update to {self.record.desired['image']}.", wait=wait)

    def scale(self, replicas: int, *, wait: bool = False) -> None:
        """Change how many processes or containers answer, without dropping a request.

        While two versions share the requests, this is the number of the newest; the other keeps its own.
        """
        self.update(replicas=replicas, wait=wait)

    def delete(self, *, wait: bool = True) -> None:
        """Delete the service and everything that was started for it."""
        self._request({"deleted": True}, self._backend)
        tell(self.workspace.context, self.record, "Queued", f"Delete {self.name}.")
        if wait:
            with self._going_on("look whether it is gone with: aml service list"):
                wait_until_gone(self.workspace.context, self.record)
        else:
            self._ensure_driven()

    def run(self, data: Any, *, headers: Mapping[str, str] | None = None) -> Any:
        """Call the service.

        :param data: bytes or text are sent as they are, anything else as JSON.
        :returns: the answer, decoded where it is JSON.
        :raises OperationFailedError: where it answers with an error.
        """
        if not self.refresh().record.endpoint:
            if self.record.state == HEALTHY:
                raise OperationFailedError(
                    f"The service '{self.name}' runs where it has no address that is known here.",
                    "Call it from there; or give its address, where its type has settings for that.",
                )
            raise OperationFailedError(
                f"The service '{self.name}' is not up: {self.record.reason or self.record.state}.",
                "Wait for it with wait_for_deployment().",
            )
        config = self.record.desired.get("config")
        needs_key = isinstance(config, Mapping) and bool(config.get("auth"))
        key = self.keys().primary if needs_key else None
        return call_service(self.name, f"{self.record.endpoint}/score", data, key=key, headers=headers)

    def keys(self, *, regenerate: str | None = None) -> ServiceKeys:
        """Return the service's two keys.

        :param regenerate: ``primary`` or ``secondary``: make that one anew; the other stays valid, so that callers
            change over without being refused. A fleet of devices lets the new one in where its new version has
            arrived: see :meth:`wait_for_deployment`.
        """
        if regenerate not in (None, "primary", "secondary"):
            raise InvalidInputError(f"There is no key '{regenerate}'.", "Regenerate primary or secondary.")
        backend = self._backend
        found = backend.keys(self.record, regenerate=regenerate)
        if regenerate is not None and backend.keys_come_by_update(self.record):
            self._request({"keys": uuid.uuid4().hex[:8]}, backend)
            self._begin(f"Bring the new {regenerate} key to {self.name}.", wait=False)
        return found

    def get_logs(self, lines: int = 200) -> str:
        """Return the last lines of what the service's versions wrote, the newest version last."""
        backend = self._backend
        handles = [one.get("handle") for one in versions_of(self.refresh().record)]
        shown = [backend.logs(handle, lines) for handle in handles if isinstance(handle, Mapping)]
        if not shown:
            return self.record.reason or ""
        return "\n".join(shown)

    def to_json(self) -> dict[str, Any]:
        """Return the service as plain values."""
        record = self.record
        versions = [
            {"image": one["image"], "traffic": one["weight"], "replicas": one["replicas"]}
            for one in versions_of(record)
        ]
        return {
            "name": record.name,
            "type": record.type,
            "target": target_name(record) or None,
            "state": record.state,
            "scoring_uri": self.scoring_uri,
            "versions": versions,
            "reason": record.reason,
            "tags": json.loads(json.dumps(record.tags)),
        }

    @property
    def _backend(self) -> ServiceBackend:
        return load_backend(self.workspace.context, self.record.type)

    def _request(self, changes: Mapping[str, Any], backend: ServiceBackend) -> None:
        self.record = request(self.workspace.context, self.record, changes, backend)

    def _begin(self, message: str, *, wait: bool) -> None:
        tell(self.workspace.context, self.record, "Queued", message)
        if wait:
            self.wait_for_deployment()
        else:
            self._ensure_driven()

    def _going_on(self, how: str) -> AbstractContextManager[None]:
        """Let a monitor go on with the service where Ctrl-C ends the wait in the block."""
        from aml_plugins.runs.monitoring import going_on  # noqa: PLC0415  not needed by who reads

        return going_on(self.workspace.context, f"what was asked of the service {self.name} goes on; {how}")

    def _ensure_driven(self) -> None:
        from aml_plugins.runs.monitoring import ensure_monitor  # noqa: PLC0415  not needed where somebody waits

        ensure_monitor(self.workspace.context)
