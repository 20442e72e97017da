"""Services as container groups of Azure Container Instances."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aml_backends.aci.api import RefusedError
from aml_backends.aci.backend import AciBackend
from aml_backends.aci.services.config import AciServiceConfig
from aml_backends.aci.services.front import answers, digests_of, inner_key, tell
from aml_backends.aci.services.groups import (
    HIDDEN,
    PORT,
    SCORING,
    Hidden,
    front_body,
    front_name,
    version_body,
    version_name,
)
from aml_backends.aci.services.secrets import Kept, forget, keep
from aml_backends.aci.services.states import address_of, has_last_words, is_over, is_running, is_trying, status_of
from aml_plugins.errors import InvalidInputError, PluginError
from aml_plugins.services.captured_elsewhere import capture_variables
from aml_plugins.services.contract import (
    DeploymentSpec,
    DeploymentState,
    DeploymentStatus,
    Routing,
    ServiceBackend,
    ServiceConfig,
    ServiceKeys,
    target_name,
)
from aml_plugins.services.variables import plain_variables, scoring_variables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aml_plugins.json_types import JsonObject
    from aml_plugins.services.contract import Route
    from aml_plugins.store.records import ServiceRecord

__all__ = ["AciService"]

_TAIL_LINES = 15
_OF_THE_FRONT = ("port", "dns_name_label", "subnet", "tls_certificate", "tls_key", "secret_store")


class AciService(ServiceBackend):
    """A group a version, named after its key, and one group that has the address and is changed by no update.

    A ``PUT`` of a group that is there restarts it, so a group that is there is left alone.
    """

    type_name: ClassVar[str] = "aci"
    config_model: ClassVar[type[ServiceConfig]] = AciServiceConfig
    needs_target: ClassVar[bool] = True

    def plan(self, spec: DeploymentSpec) -> JsonObject:
        config, target = self._check(spec), self._target(spec.service).settings
        _check_front(spec, config)
        hidden = Hidden(
            variables=dict.fromkeys(
                sorted({*plain_variables(spec), *spec.config.variables, *self._capture(spec)}), HIDDEN
            ),
            registry=(HIDDEN, HIDDEN) if self._registry_of(spec) else None,
        )
        return {
            "resource_group": target.resource_group,
            "version": version_body(spec, config, target, hidden),
            "front": front_body(spec, config, target, hidden),
        }

    def submit(self, spec: DeploymentSpec) -> JsonObject:
        config, target = self._check(spec), self._target(spec.service)
        kept, front = self._kept(spec.service), front_name(spec.service.service_id)
        credentials = self._credentials(spec)
        if target.api.get_group(front) is None:  # before any version, so that both take their time at once
            hidden = Hidden(control=kept.control, registry=credentials, certificate=self._certificate(spec, config))
            target.api.put_group(front, front_body(spec, config, target.settings, hidden))
        found = target.api.get_group(version_name(spec.key))
        if found is None or is_over(found):
            variables = scoring_variables(self.context, spec) | self._capture(spec)
            key = inner_key(kept.control, spec.key)
            hidden = Hidden(variables=variables, inner_key=key, registry=credentials)
            target.api.put_group(version_name(spec.key), version_body(spec, config, target.settings, hidden))
        return self._handle(spec.key, spec.service) | {"image": f"{spec.image.name}:{spec.image.version}"}

    def find(self, key: str, service: ServiceRecord) -> JsonObject | None:
        is_there = self._target(service).api.get_group(version_name(key)) is not None
        return self._handle(key, service) if is_there else None

    def status(self, handle: JsonObject) -> DeploymentStatus:
        group = self._open(handle).api.get_group(version_name(str(handle["key"])))
        if group is None:
            return DeploymentStatus(state=DeploymentState.FAILED, reason="Its container group was deleted.")
        seen, address = status_of(group), address_of(group)
        if is_running(group) and address and answers(address, PORT, "/ready"):  # however it went before
            return DeploymentStatus(state=DeploymentState.READY)
        if seen.state is DeploymentState.FAILED:
            return self._failed(handle, group, seen)
        return dataclasses.replace(seen, reason=seen.reason or "It is loading.")

    def _failed(self, handle: JsonObject, group: Mapping[str, Any], seen: DeploymentStatus) -> DeploymentStatus:
        """Say it in the words that the container ended with; where it was started again, that is a little later."""
        tail = self.logs(handle, _TAIL_LINES)
        after = self._open(handle).api.get_group(version_name(str(handle["key"]))) or group
        if is_trying(group) and not (tail and has_last_words(group, after)):
            return dataclasses.replace(seen, state=DeploymentState.PENDING)
        words = f"{seen.reason} Its last lines:\n{tail}" if tail else seen.reason
        return dataclasses.replace(seen, reason=words)

    def route(self, service: ServiceRecord, routes: Sequence[Route]) -> Routing:
        target, config = self._target(service), _settings(service)
        front = target.api.get_group(front_name(service.service_id))
        if front is None or is_over(front):
            return self._lost_front(service, routes)
        table = self._table(target, routes)
        told = self._tell(service, front, {"routes": table}) if table else None
        if told is None:
            said = status_of(front).reason
            return Routing(endpoint="", is_settled=False, reason=said or "The front does not answer yet.")
        idle = {str(route.handle["key"]) for route in routes if route.weight == 0}
        return Routing(endpoint=_endpoint(front, config), is_settled=True, idle=frozenset(idle - set(told["busy"])))

    def delete(self, handle: JsonObject) -> None:
        self._open(handle).api.delete_group(version_name(str(handle["key"])))

    def delete_service(self, service: ServiceRecord) -> None:
        self._target(service).api.delete_group(front_name(service.service_id))
        forget(self._store(service), service.service_id)

    def logs(self, handle: JsonObject, lines: int) -> str:
        try:
            text = self._open(handle).api.logs(version_name(str(handle["key"])), SCORING)
        except RefusedError as error:
            if error.is_missing:
                return ""
            raise
        return "\n".join(text.splitlines()[-lines:])

    def keys(self, service: ServiceRecord, *, regenerate: str | None = None) -> ServiceKeys:
        """Return the keys; the front learns of a new one at once, or from the next look at the service."""
        made = self._kept(service, regenerate).keys
        front = self._target(service).api.get_group(front_name(service.service_id)) if regenerate else None
        if front is not None:
            self._tell(service, front, {})
        return made

    def _tell(self, service: ServiceRecord, front: Mapping[str, Any], wanted: Mapping[str, Any]) -> Any:
        """Tell the front who may call, and what else is wanted; return what it does, None where it does not answer."""
        address, config, kept = address_of(front), _settings(service), self._kept(service)
        if address is None:
            return None
        keys = digests_of([kept.primary, kept.secondary] if config.auth else None)
        is_tls = config.tls_certificate is not None
        return tell(address, {**wanted, "keys": keys}, kept.control, is_tls=is_tls)

    def _lost_front(self, service: ServiceRecord, routes: Sequence[Route]) -> Routing:
        """Have the front made again, as a version is: somebody deleted or stopped it."""
        heaviest = max(routes, key=lambda route: route.weight)
        target, name = self._target(service), front_name(service.service_id)
        spec, config = self._spec_of(heaviest.handle, service), _settings(service)
        hidden = Hidden(
            control=self._kept(service).control,
            registry=self._credentials(spec),
            certificate=self._certificate(spec, config),
        )
        target.api.put_group(name, front_body(spec, config, target.settings, hidden))
        return Routing(endpoint="", is_settled=False, reason="The front is made again.")

    def _table(self, target: AciBackend, routes: Sequence[Route]) -> list[dict[str, Any]]:
        found = []
        for route in routes:
            key = str(route.handle["key"])
            group = target.api.get_group(version_name(key))
            address = address_of(group) if group else None
            if address:
                found.append({"key": key, "host": address, "port": PORT, "weight": route.weight})
        return found

    def _spec_of(self, handle: JsonObject, service: ServiceRecord) -> DeploymentSpec:
        name, _, version = str(handle["image"]).rpartition(":")
        image = self.context.store.images.get(service.workspace, name, int(version))
        return DeploymentSpec(
            key=str(handle["key"]), service=service, image=image, replicas=1, config=_settings(service)
        )

    def _capture(self, spec: DeploymentSpec) -> dict[str, str]:
        return capture_variables(self.context, spec)

    def _check(self, spec: DeploymentSpec) -> AciServiceConfig:
        assert isinstance(spec.config, AciServiceConfig)  # noqa: S101  its own model
        if not spec.image.config.get("registry"):
            raise InvalidInputError(
                f"The image {spec.image.name}:{spec.image.version} is in no registry: Azure cannot pull it.",
                "Create it with a registry: aml image create … --registry address=HOST",
            )
        self._store(spec.service).check()
        return spec.config

    def _registry_of(self, spec: DeploymentSpec) -> tuple[str, str] | None:
        """Return the registry's user and the reference of the password: the image's own, else the target's."""
        own, target = spec.image.config.get("registry"), self._target(spec.service).settings
        if isinstance(own, Mapping) and own.get("username"):
            return str(own["username"]), str(own.get("password") or "")
        if target.registry_username and target.registry_server == str(spec.image.location).partition("/")[0]:
            return target.registry_username, str(target.registry_password)
        return None

    def _credentials(self, spec: DeploymentSpec) -> tuple[str, str] | None:
        found = self._registry_of(spec)
        return (found[0], self.context.secrets(spec.service.workspace)(found[1])) if found else None

    def _certificate(self, spec: DeploymentSpec, config: AciServiceConfig) -> tuple[str, str]:
        secret = self.context.secrets(spec.service.workspace)
        if config.tls_certificate is None or config.tls_key is None:
            return "", ""
        return secret(config.tls_certificate), secret(config.tls_key)

    def _kept(self, service: ServiceRecord, regenerate: str | None = None) -> Kept:
        return keep(self._store(service), service.service_id, regenerate)

    def _store(self, service: ServiceRecord) -> Any:
        return self.context.kept_secrets(service.workspace, _settings(service).secret_store)

    def _handle(self, key: str, service: ServiceRecord) -> dict[str, Any]:
        return {
            "key": key,
            "service_id": service.service_id,
            "workspace": service.workspace,
            "target": target_name(service),
        }

    def _target(self, service: ServiceRecord) -> AciBackend:
        return self._backend(service.workspace, target_name(service))

    def _open(self, handle: JsonObject) -> AciBackend:
        return self._backend(str(handle["workspace"]), str(handle["target"]))

    def _backend(self, workspace: str, name: str) -> AciBackend:
        backend = self.context.backends.get(workspace, name)
        if not isinstance(backend, AciBackend):
            raise PluginError(f"The compute target '{name}' is of type '{backend.type_name}', not 'aci'.")
        return backend


def _check_front(spec: DeploymentSpec, config: AciServiceConfig) -> None:
    """Refuse what would need another front than the one that serves: it cannot be changed without an outage."""
    found = spec.service.deployments
    for one in found if isinstance(found, (list, tuple)) else ():
        known = AciServiceConfig.model_validate(one["config"]) if isinstance(one, Mapping) else config
        changed = [name for name in _OF_THE_FRONT if getattr(known, name) != getattr(config, name)]
        if changed:
            raise InvalidInputError(
                f"The setting '{changed[0]}' of a service on ACI is for its whole life.",
                "Deploy another service, and delete this one when callers have gone over.",
            )


def _settings(service: ServiceRecord) -> AciServiceConfig:
    return AciServiceConfig.model_validate(service.desired.get("config") or {})


def _endpoint(front: Mapping[str, Any], config: AciServiceConfig) -> str:
    address = front["properties"]["ipAddress"]
    host = config.host or address.get("fqdn") or address["ip"]
    return f"{'https' if config.tls_certificate else 'http'}://{host}:{config.port}"
