"""Bring a service to what it shall be, one step at a time: the only code that writes what a service is.

Each step is safe to repeat: what is started is named after the service's id and the generation that wanted it, and is
written down before it is started.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import AmlError, LeaseLostError, StoreError, TransientBackendError
from aml_plugins.services.contract import (
    DeploymentSpec,
    DeploymentState,
    DeploymentStatus,
    Routing,
    ServiceBackend,
)
from aml_plugins.services.telling import READY, STARTED, STARTING, supersede, tell
from aml_plugins.services.types import checked_config, load_backend
from aml_plugins.services.versions import (
    Deployment,
    generation_of,
    new_version,
    routes_of,
    versions_of,
    wanted_of,
    weights_of,
    with_changed,
)
from aml_plugins.store.records import ServiceRecord

if TYPE_CHECKING:
    from aml_plugins.context import Context

__all__ = ["FAILED", "HEALTHY", "TRANSITIONING", "UNHEALTHY", "Step", "is_settled"]

TRANSITIONING, HEALTHY, UNHEALTHY, FAILED = "Transitioning", "Healthy", "Unhealthy", "Failed"
_LOOK_WRITTEN_SECONDS = 30.0
_TAIL_LINES = 15


def is_settled(record: ServiceRecord) -> bool:
    """Say whether the service is what it shall be, as far as that was possible."""
    return record.generation >= generation_of(record) and not record.desired.get("deleted")


class Step:
    """One look at one service by the holder of its lease."""

    def __init__(self, context: Context, record: ServiceRecord, owner: str) -> None:
        self._context = context
        self._owner = owner
        self._record = record
        self._backend: ServiceBackend = load_backend(context, record.type)

    def take(self) -> ServiceRecord | None:
        """Go one step; return the service as it is now, None once it is gone.

        :raises StoreError: where the database is away or somebody wrote meanwhile: look again later.
        """
        if self._record.desired.get("deleted"):
            self._remove()
            return None
        try:
            return self._watch() if is_settled(self._record) else self._change()
        except (StoreError, TransientBackendError):
            raise
        except AmlError as error:
            if is_settled(self._record):
                return self._save(state=UNHEALTHY, reason=str(error), error_code=error.code)
            return self._give_up(str(error), error.code)

    def _change(self) -> ServiceRecord:
        """Start what is wanted, send requests there once it is ready, end what is no longer wanted."""
        wanted = wanted_of(self._record)
        if wanted is None:
            self._say(f"Starting {self._record.desired['image']}.", STARTING)
            return self._save(
                deployments=[*versions_of(self._record), new_version(self._record)],
                state=TRANSITIONING,
                reason=None,  # what failed before is told no longer
                error_code=None,
            )
        if wanted.get("handle") is None:
            handle = self._backend.submit(self._spec(wanted))
            self._say(f"{wanted['image']} is started, and gets ready.", STARTED)
            return self._save(deployments=with_changed(self._record, wanted, handle=dict(handle)))
        status = self._backend.status(wanted["handle"])
        if status.state is DeploymentState.READY:
            return self._switch(wanted)
        if status.state is DeploymentState.FAILED or self._is_late(wanted):
            raise DeploymentFailedError(self._why(wanted, status))
        return self._seen(reason=status.reason)

    def _switch(self, wanted: Deployment) -> ServiceRecord:
        weights = weights_of(self._record, wanted)
        routing = self._backend.route(self._record, routes_of(self._record, weights))
        if not routing.is_settled:
            return self._wait_for_routing(wanted, routing)
        left = []
        for one in versions_of(self._record):
            if weights[one["key"]] > 0:
                left.append({**one, "weight": weights[one["key"]], "was_ready": True})
            elif one["key"] in routing.idle or self._has_drained(one):
                self._end(one)
            else:
                left.append({**one, "weight": 0})
        if any(one["weight"] == 0 for one in left):
            return self._wait_for_requests(left, routing.endpoint)
        message = f"{self._record.desired['image']} serves{f' at {routing.endpoint}' if routing.endpoint else ''}."
        self._tell_end("Completed", message, endpoint=routing.endpoint)
        return self._save(
            deployments=left,
            endpoint=routing.endpoint,
            generation=generation_of(self._record),
            state=HEALTHY,
            reason=None,
            error_code=None,
        )

    def _has_drained(self, one: Deployment) -> bool:
        """Say whether the requests still under way in a version had their time: one that hangs keeps it no longer."""
        return self._seen_for(one, "draining") > checked_config(self._backend, one["config"]).drain_seconds

    def _wait_for_requests(self, left: list[Deployment], endpoint: str) -> ServiceRecord:
        """Requests are still under way in what no longer gets any: news once, and then nothing to write."""
        if left == versions_of(self._record):
            return self._seen(endpoint=endpoint)
        return self._save(deployments=left, endpoint=endpoint)

    def _wait_for_routing(self, wanted: Deployment, routing: Routing) -> ServiceRecord:
        """Requests do not go there yet. That may take as long again as getting ready."""
        waited = self._seen_for(wanted, "routing")
        if waited > self._patience:
            raise DeploymentFailedError(f"Requests could not be sent there. {routing.reason or ''}".strip())
        if not waited:
            self._say(f"{wanted['image']} is ready; requests are being sent there.", READY)
        return self._seen(reason=routing.reason)

    def _say(self, message: str, progress: float) -> None:
        tell(self._context, self._record, "Running", message, progress=progress)

    def _tell_end(self, state: str, message: str, **values: Any) -> None:
        """Say how the request ended, and that those before it which had not ended never will."""
        for generation in range(self._record.generation + 1, generation_of(self._record)):
            supersede(self._context, self._record, generation)
        tell(self._context, replace(self._record, **values), state, message)

    def _give_up(self, reason: str, code: str) -> ServiceRecord:
        """End what cannot be, and let what served before serve on."""
        others = [one for one in versions_of(self._record) if one.get("was_ready")]
        for one in versions_of(self._record):
            if not one.get("was_ready"):
                self._end(one)
        if others:
            images = ", ".join(dict.fromkeys(str(one["image"]) for one in others))
            reason = f"The update to {self._record.desired['image']} failed, {images} serves on. {reason}"
        self._tell_end("Failed", reason)
        return self._save(
            deployments=others,
            generation=generation_of(self._record),
            state=HEALTHY if others else FAILED,
            reason=reason,
            error_code=code,
        )

    def _watch(self) -> ServiceRecord:
        """Look how all deployments are, and start again those that are gone."""
        deployments = versions_of(self._record)
        if not deployments:
            return self._record
        sick = []
        for one in deployments:
            status = self._backend.status(one["handle"])
            if status.state is DeploymentState.FAILED:
                self._backend.submit(self._spec(one))
            if status.state is not DeploymentState.READY:
                sick.append(f"{one['image']}: {status.reason or status.state.value}")
        weights = {one["key"]: one["weight"] for one in deployments}
        routing = self._backend.route(self._record, routes_of(self._record, weights))
        if sick:
            return self._seen(state=UNHEALTHY, reason=" ".join(sick), error_code="deployment_failed")
        kept = self._record.reason if self._record.state == HEALTHY else None
        code = self._record.error_code if kept else None
        return self._seen(state=HEALTHY, reason=kept, error_code=code, endpoint=routing.endpoint)

    def _remove(self) -> None:
        for one in versions_of(self._record):
            self._end(one)
        self._backend.delete_service(self._record)
        self._tell_end("Completed", f"The service {self._record.name} is deleted.")
        self._context.store.services.remove(self._record, owner=self._owner)

    def _end(self, one: Deployment) -> None:
        handle = one.get("handle") or self._backend.find(one["key"], self._record)
        if handle is not None:
            self._backend.delete(handle)

    def _spec(self, one: Deployment) -> DeploymentSpec:
        name, _, version = str(one["image"]).rpartition(":")
        return DeploymentSpec(
            key=one["key"],
            service=self._record,
            image=self._context.store.images.get(self._record.workspace, name, int(version)),
            replicas=int(one["replicas"]),
            config=checked_config(self._backend, one["config"]),
        )

    def _is_late(self, one: Deployment) -> bool:
        return self._seen_for(one, "starting") > self._patience

    def _seen_for(self, one: Deployment, waiting_for: str) -> float:
        """Return for how long this process has seen a deployment wait for the same, since it was asked for."""
        return self._context.sightings.seconds((one["key"], generation_of(self._record), waiting_for))

    @property
    def _patience(self) -> float:
        return float(str(self._record.desired.get("timeout_seconds", 300)))

    def _why(self, one: Deployment, status: DeploymentStatus) -> str:
        if status.state is DeploymentState.FAILED:
            return status.reason or "It ended."
        waited = f"It was not ready after {self._seen_for(one, 'starting'):.0f} seconds."
        words = f"{waited} {status.reason or ''}".strip()
        with suppress(AmlError):  # the lines are a help, and no part of the verdict
            if lines := self._backend.logs(one["handle"], _TAIL_LINES):
                return f"{words} Its last lines:\n{lines}"
        return words

    def _seen(self, **values: Any) -> ServiceRecord:
        """Write what was seen where it is news, and now and then that somebody looked."""
        current = {name: getattr(self._record, name) for name in values}
        if current == values and abs(time.time() - self._record.looked_at) < _LOOK_WRITTEN_SECONDS:
            return self._record
        return self._save(**values, looked_at=time.time())

    def _save(self, **values: Any) -> ServiceRecord:
        self._record = self._context.store.services.save(replace(self._record, **values), owner=self._owner)
        return self._record


class DeploymentFailedError(AmlError):
    """A deployment ended, or did not become ready in time."""

    code = "deployment_failed"


assert issubclass(LeaseLostError, StoreError)  # noqa: S101  take() lets it pass: another process wrote, look again
