"""What is wanted of a service: checked before it is written down, and written beside whoever drives the service."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from aml_plugins.errors import InvalidInputError, LeaseLostError, OperationFailedError
from aml_plugins.home import home_id
from aml_plugins.services.contract import DeploymentSpec, ServiceBackend
from aml_plugins.services.reconciling import TRANSITIONING, is_settled
from aml_plugins.services.targets import check_place, find_place
from aml_plugins.services.types import checked_config, load_backend
from aml_plugins.services.versions import ALL, generation_of, still_wanted, versions_of
from aml_plugins.store.records import ServiceRecord
from aml_plugins.user import user_name

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.json_types import JsonObject

__all__ = ["changed_settings", "check_share", "new_record", "replica_count", "request"]

_ATTEMPTS = 20


def new_record(
    context: Context, workspace: str, name: str, image: str, *, target: str, replicas: int, timeout_seconds: float,
    tags: Mapping[str, str], settings: Mapping[str, Any],
) -> ServiceRecord:  # fmt: skip
    """Return the row of a new service, which its type would serve.

    :param image: ``name:version``.
    :raises InvalidInputError: for what cannot be deployed.
    """
    type_name, place = find_place(context, workspace, target)
    backend = load_backend(context, type_name)
    check_place(backend, place)
    desired: JsonObject = {
        "generation": 1,
        "image": image,
        "config": _written(backend, settings),
        "replicas": replica_count(replicas),
        "traffic": ALL,
        "timeout_seconds": _patience(timeout_seconds),
        "home": home_id(context.home) if backend.is_local else None,
        "target": place if backend.needs_target else None,
    }
    record = ServiceRecord(
        workspace=workspace,
        name=name,
        service_id=uuid.uuid4().hex,
        type=type_name,
        state=TRANSITIONING,
        desired=desired,
        tags=dict(tags),
        user=user_name(),
    )
    _check(context, backend, record)
    return record


def request(
    context: Context, known: ServiceRecord, changes: Mapping[str, Any], backend: ServiceBackend
) -> ServiceRecord:
    """Write down what is wanted now; whoever drives the service may write at the same time.

    :param known: the service as of the last look; it is looked at again.
    :raises InvalidInputError: for what its type would not serve; nothing was written.
    """
    for _ in range(_ATTEMPTS):
        record = context.store.services.get(known.workspace, known.name)
        if record.desired.get("deleted") and changes.get("deleted"):
            return record
        if record.desired.get("deleted"):
            raise InvalidInputError(f"The service '{record.name}' is being deleted.", "Deploy it under another name.")
        desired = {**still_wanted(record), **changes, "generation": generation_of(record) + 1}
        if not changes.get("deleted"):
            from dataclasses import replace  # noqa: PLC0415  for changes only

            _check(context, backend, replace(record, desired=desired))
        with suppress(LeaseLostError):
            return context.store.services.request(record, desired)
    raise OperationFailedError(f"The service '{known.name}' is being changed by others.", "Try again.")


def changed_settings(backend: ServiceBackend, record: ServiceRecord, settings: Mapping[str, Any]) -> JsonObject:
    """Return a service's settings with some of them changed."""
    known = still_wanted(record)["config"]
    return _written(backend, {**(known if isinstance(known, Mapping) else {}), **settings})


def check_share(record: ServiceRecord) -> None:
    """Refuse to give a part of the requests to the only version.

    :raises InvalidInputError: saying so.
    """
    if is_settled(record) and len(versions_of(record)) == 1:
        raise InvalidInputError(
            f"The service '{record.name}' has one version, and that has all requests.",
            "Name the image that shall get a share.",
        )


def replica_count(replicas: int) -> int:
    """Return a number of replicas that a service can have.

    :raises InvalidInputError: where it is none.
    """
    if replicas < 1:
        raise InvalidInputError(f"A service cannot have {replicas} replicas.", "Give 1 or more, or delete the service.")
    return replicas


def _written(backend: ServiceBackend, settings: Mapping[str, Any]) -> JsonObject:
    written: JsonObject = checked_config(backend, settings).model_dump(mode="json", exclude_unset=True)
    return written


def _patience(seconds: float) -> float:
    if not 0 < seconds < float("inf"):
        raise InvalidInputError(f"A service cannot get ready within {seconds} seconds.", "Give a number above 0.")
    return seconds


def _check(context: Context, backend: ServiceBackend, record: ServiceRecord) -> None:
    """Let the type plan what is wanted: it refuses what it cannot serve."""
    name, _, version = str(record.desired["image"]).rpartition(":")
    image = context.store.images.get(record.workspace, name, int(version))
    if image.state != "Succeeded":
        raise InvalidInputError(
            f"The image {name}:{version} is not there: its state is {image.state}.",
            f"See: aml image show {name}:{version}",
        )
    backend.plan(
        DeploymentSpec(
            key=f"{record.service_id[:20]}-{record.desired['generation']}",
            service=record,
            image=image,
            replicas=int(str(record.desired["replicas"])),
            config=checked_config(backend, record.desired["config"]),  # type: ignore[arg-type]  # as it was written
        )
    )
