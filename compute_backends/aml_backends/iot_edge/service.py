"""Services as modules of IoT Edge devices. An update replaces the module; where it fails, the one before comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.iot_edge.config import IotEdgeServiceConfig
from aml_backends.iot_edge.device import Device
from aml_backends.iot_edge.fleet import Fleet
from aml_backends.iot_edge.keys import digests_of, forget, keep
from aml_backends.iot_edge.manifest import HIDDEN, Hidden, Module, module_name, module_of
from aml_backends.iot_edge.target import IotEdgeTarget
from aml_plugins.errors import InvalidInputError, NotFoundError, PluginError
from aml_plugins.services.contract import (
    DeploymentSpec,
    DeploymentStatus,
    Routing,
    ServiceBackend,
    ServiceConfig,
    ServiceKeys,
    target_name,
)
from aml_plugins.services.variables import plain_variables, scoring_variables

if TYPE_CHECKING:
    from aml_backends.iot_edge.places import Place
    from aml_plugins.json_types import JsonObject
    from aml_plugins.secrets.kept import KeptSecrets
    from aml_plugins.services.contract import Route
    from aml_plugins.store.records import ServiceRecord

__all__ = ["IotEdgeService"]

_ALL = 100
_FOR_LIFE = ("module", "secret_store")


class IotEdgeService(ServiceBackend):
    """A module on a device, or on each device of a fleet."""

    type_name: ClassVar[str] = "iot-edge"
    config_model: ClassVar[type[ServiceConfig]] = IotEdgeServiceConfig
    needs_target: ClassVar[bool] = True
    replaces_in_place: ClassVar[bool] = True

    def plan(self, spec: DeploymentSpec) -> JsonObject:
        config, target = self._check(spec), self._target(spec.service).settings
        hidden = Hidden(
            variables={**dict.fromkeys(spec.config.variables, HIDDEN), **plain_variables(spec)},
            digests=HIDDEN if config.auth else None,
            registry=(HIDDEN, HIDDEN) if self._registry_of(spec) else None,
        )
        module = module_of(spec, config, hidden)
        return {
            "hub": target.hub,
            "device": target.device,
            "condition": target.condition,
            "priority": target.priority if target.condition else None,
            "module": {module.name: dict(module.entry)},
            "registry": {name: dict(one) for name, one in module.registry.items()},
            "routes": dict(module.routes),
            "twin": dict(module.twin),
        }

    def submit(self, spec: DeploymentSpec) -> JsonObject:
        self._check(spec)
        self._place(spec.service).put(spec.key, self._module(spec), spec.service)
        return self._handle(spec.key, spec.service)

    def find(self, key: str, service: ServiceRecord) -> JsonObject | None:
        return self._handle(key, service) if self._place(service).has(key) else None

    def status(self, handle: JsonObject) -> DeploymentStatus:
        return self._open(handle).status(str(handle["key"]))

    def route(self, service: ServiceRecord, routes: Sequence[Route]) -> Routing:
        """Say where callers reach the module. The device itself sends them there, to its one version."""
        config = _settings(service)
        endpoint = f"http://{config.host}:{config.port}" if config.host else ""
        idle = frozenset(str(route.handle["key"]) for route in routes if route.weight == 0)
        return Routing(endpoint=endpoint, is_settled=True, idle=idle)

    def delete(self, handle: JsonObject) -> None:
        key = str(handle["key"])
        self._open(handle).remove(key, self._before(handle))

    def delete_service(self, service: ServiceRecord) -> None:
        self._place(service).clear(service.service_id)
        forget(self._store(service), service.service_id)

    def logs(self, handle: JsonObject, lines: int) -> str:
        return self._open(handle).log(str(handle["key"]), lines)

    def keys(self, service: ServiceRecord, *, regenerate: str | None = None) -> ServiceKeys:
        """Return the keys. A device gets a new one's digest at once, and starts the module again for it."""
        made = keep(self._store(service), service.service_id, regenerate)
        if regenerate is not None and _settings(service).auth and not self.keys_come_by_update(service):
            for key in _keys_of(service):
                if self._place(service).has(key):
                    self.submit(self._spec_of(key, service))
        return made

    def keys_come_by_update(self, service: ServiceRecord) -> bool:
        """A fleet gets a new deployment for it: the content of one can never be changed."""
        return _settings(service).auth and self._target(service).settings.condition is not None

    def _module(self, spec: DeploymentSpec) -> Module:
        config = spec.config
        assert isinstance(config, IotEdgeServiceConfig)  # noqa: S101  its own model
        kept = keep(self._store(spec.service), spec.service.service_id) if config.auth else None
        registry = self._registry_of(spec)
        secret = self.context.secrets(spec.service.workspace)
        hidden = Hidden(
            variables=scoring_variables(self.context, spec),
            digests=digests_of(kept) if kept else None,
            registry=(registry[0], secret(registry[1])) if registry else None,
        )
        return module_of(spec, config, hidden)

    def _before(self, handle: JsonObject) -> tuple[str, Module, ServiceRecord] | None:
        """Return the version that served before a failed one took its place, None where there is none, or no more."""
        service = self._record(handle)
        if service is None or service.desired.get("deleted"):
            return None
        ready = [one for one in _deployments(service) if one.get("was_ready") and one["key"] != handle["key"]]
        if not ready:
            return None
        spec = self._spec_of(str(ready[-1]["key"]), service)
        return spec.key, self._module(spec), service

    def _spec_of(self, key: str, service: ServiceRecord) -> DeploymentSpec:
        one = next(one for one in _deployments(service) if one["key"] == key)
        name, _, version = str(one["image"]).rpartition(":")
        return DeploymentSpec(
            key=key,
            service=service,
            image=self.context.store.images.get(service.workspace, name, int(version)),
            replicas=int(one["replicas"]),
            config=IotEdgeServiceConfig.model_validate(one["config"]),
        )

    def _record(self, handle: JsonObject) -> ServiceRecord | None:
        try:
            found = self.context.store.services.get(str(handle["workspace"]), str(handle.get("service")))
        except NotFoundError:
            return None
        return found if found.service_id == handle["service_id"] else None

    def _check(self, spec: DeploymentSpec) -> IotEdgeServiceConfig:
        config = spec.config
        assert isinstance(config, IotEdgeServiceConfig)  # noqa: S101  its own model
        target = self._target(spec.service).settings
        if not spec.image.config.get("registry"):
            raise InvalidInputError(
                f"The image {spec.image.name}:{spec.image.version} is in no registry: devices cannot pull it.",
                "Create it with a registry: aml image create … --registry address=HOST",
            )
        if target.condition is not None and config.host is not None:
            raise InvalidInputError(
                "The devices of a fleet have no common address.", "Leave host out; port is the port of each device."
            )
        if int(str(spec.service.desired.get("traffic", _ALL))) < _ALL and _deployments(spec.service):
            raise InvalidInputError(
                "A device runs one version of a module at a time, so requests cannot be shared out.",
                "Try a version on a part of a fleet: attach a target of a narrower condition and a higher priority, "
                "and deploy a service of the same module there.",
            )
        _refuse_changes(spec.service, config)
        self._store(spec.service).check()
        return config

    def _registry_of(self, spec: DeploymentSpec) -> tuple[str, str] | None:
        """Return the registry's user and the reference of the password: the image's own, else the target's."""
        own, target = spec.image.config.get("registry"), self._target(spec.service).settings
        if isinstance(own, Mapping) and own.get("username"):
            return str(own["username"]), str(own.get("password") or "")
        if target.registry_username and target.registry_server == str(spec.image.location).partition("/")[0]:
            return target.registry_username, str(target.registry_password)
        return None

    def _store(self, service: ServiceRecord) -> KeptSecrets:
        return self.context.kept_secrets(service.workspace, _settings(service).secret_store)

    def _handle(self, key: str, service: ServiceRecord) -> dict[str, Any]:
        return {
            "key": key,
            "service": service.name,
            "service_id": service.service_id,
            "workspace": service.workspace,
            "target": target_name(service),
        }

    def _place(self, service: ServiceRecord) -> Place:
        return _place(self._target(service))

    def _open(self, handle: JsonObject) -> Place:
        return _place(self._backend(str(handle["workspace"]), str(handle["target"])))

    def _target(self, service: ServiceRecord) -> IotEdgeTarget:
        return self._backend(service.workspace, target_name(service))

    def _backend(self, workspace: str, name: str) -> IotEdgeTarget:
        backend = self.context.backends.get(workspace, name)
        if not isinstance(backend, IotEdgeTarget):
            raise PluginError(f"The compute target '{name}' is of type '{backend.type_name}', not 'iot-edge'.")
        return backend


def _place(target: IotEdgeTarget) -> Place:
    return Fleet(target) if target.settings.device is None else Device(target)


def _settings(service: ServiceRecord) -> IotEdgeServiceConfig:
    return IotEdgeServiceConfig.model_validate(service.desired.get("config") or {})


def _deployments(service: ServiceRecord) -> Sequence[Mapping[str, Any]]:
    found = service.deployments
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, (list, tuple)) else []


def _keys_of(service: ServiceRecord) -> Sequence[str]:
    return [str(one["key"]) for one in _deployments(service)]


def _refuse_changes(service: ServiceRecord, config: IotEdgeServiceConfig) -> None:
    for one in _deployments(service):
        known = IotEdgeServiceConfig.model_validate(one["config"])
        changed = [name for name in _FOR_LIFE if getattr(known, name) != getattr(config, name)]
        if changed:
            raise InvalidInputError(
                f"The setting '{changed[0]}' of a service on IoT Edge is for its whole life.",
                f"Deploy another service; the module '{module_name(service, known)}' goes with this one.",
            )
