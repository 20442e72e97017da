"""The hub's state: devices and deployments; what changes in one is seen in the others at once."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.iot_hub.deployments import Configuration, desired_of, system_queries
from aml_plugins.testing.azure_emulator.iot_hub.devices import AGENT, HUB, EdgeDevice
from aml_plugins.testing.azure_emulator.iot_hub.errors import HubProblem
from aml_plugins.testing.azure_emulator.iot_hub.queries import QueryError, parse_query
from aml_plugins.testing.azure_emulator.iot_hub.twins import Twin
from aml_plugins.testing.azure_emulator.settings import Settings

__all__ = ["Hub"]

_WHOLE = "properties.desired"


class Hub:
    """One IoT hub. Its methods are called under the engine's lock.

    Devices have addresses 127.0.N.1 of this machine's loopback network, from 127.0.2.1 on: what their modules publish
    is there.
    """

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._numbers = itertools.count(2)
        self._orders = itertools.count()
        self.devices: dict[str, EdgeDevice] = {}
        self.configurations: dict[str, Configuration] = {}

    def device(self, name: str) -> EdgeDevice:
        """Return a device.

        :raises HubProblem: where there is none.
        """
        if name not in self.devices:
            raise HubProblem(404, "DeviceNotFound", f"E2E DeviceNotFound deviceId={name}")
        return self.devices[name]

    def add_device(self, name: str) -> EdgeDevice:
        """Register an IoT Edge device; it connects at once."""
        if name in self.devices:
            raise HubProblem(409, "DeviceAlreadyExists", f"A device with ID '{name}' is already registered.")
        address = f"127.0.{next(self._numbers)}.1"
        self.devices[name] = EdgeDevice(self._engine, name, address, self._settings.delays.arm)
        self.evaluate()
        return self.devices[name]

    def remove_device(self, name: str) -> None:
        """Forget a device, and end what it runs."""
        self.device(name).stop()
        del self.devices[name]

    def apply(self, name: str, content: Mapping[str, Any]) -> None:
        """Set what is desired of a device's modules by hand; a base deployment that targets it overrides that."""
        device = self.device(name)
        modules = content.get("modulesContent")
        if not isinstance(modules, Mapping) or _WHOLE not in (modules.get(AGENT) or {}):
            raise HubProblem(400, "InvalidConfigurationContent", f"modulesContent needs {_WHOLE} of {AGENT}.")
        self._desire(device, {module: dict(part[_WHOLE]) for module, part in modules.items()})
        self.evaluate()

    def put_configuration(self, name: str, body: Mapping[str, Any], etag: str | None) -> tuple[Configuration, bool]:
        """Create a deployment, or update it with an entity tag; say whether it is new."""
        known = self.configurations.get(name)
        if known is not None and etag is None:
            raise HubProblem(409, "ConfigurationAlreadyExists", f"A configuration with ID '{name}' already exists.")
        if known is not None:
            known.update(body, etag or "")
        elif etag is not None:
            raise HubProblem(404, "ConfigurationNotFound", f"There is no configuration with ID '{name}'.")
        else:
            known = self.configurations[name] = Configuration.checked(name, body, next(self._orders))
            self.evaluate()
            return known, True
        self.evaluate()
        return known, False

    def configuration(self, name: str) -> Configuration:
        """Return a deployment.

        :raises HubProblem: where there is none.
        """
        if name not in self.configurations:
            raise HubProblem(404, "ConfigurationNotFound", f"There is no configuration with ID '{name}'.")
        return self.configurations[name]

    def remove_configuration(self, name: str) -> None:
        """Delete a deployment; devices go over to what is left."""
        self.configuration(name)
        del self.configurations[name]
        self.evaluate()

    def shown(self, configuration: Configuration) -> dict[str, Any]:
        """Return a deployment with its metrics, counted now."""
        system = system_queries(configuration)
        own = dict((configuration.body.get("metrics") or {}).get("queries") or {})
        counts = [{name: len(self.query(text)) for name, text in queries.items()} for queries in (system, own)]
        return {
            **copy.deepcopy(configuration.body),
            "systemMetrics": {"queries": system, "results": counts[0]},
            "metrics": {"queries": own, "results": counts[1]},
            "etag": configuration.etag,
        }

    def query(self, text: str) -> list[Any]:
        """Answer a query over twins.

        :raises HubProblem: where it is none.
        """
        try:
            query = parse_query(text)
        except QueryError as error:
            raise HubProblem(400, "ArgumentInvalid", f"BadRequest: {error}") from None
        twins = self._seen(of_modules=query.source == "devices.modules")
        return [query.selected(twin) for twin in twins if query.condition(twin)]

    def evaluate(self) -> None:
        """See which deployments apply to which devices."""
        for device in self.devices.values():
            seen = _in_queries(device.twin, device)
            targeting = [one for one in self.configurations.values() if one.targets(seen)]
            wanted = desired_of({"": device.twin, **device.modules}, targeting)
            if wanted is not None:
                self._desire(device, wanted)

    def close(self) -> None:
        """End what all devices run."""
        for device in self.devices.values():
            device.stop()

    def _desire(self, device: EdgeDevice, wanted: Mapping[str, dict[str, Any]]) -> None:
        """Write what is desired into the twins; modules that are in no manifest lose their identity."""
        agent = wanted.get(AGENT, {})
        names = {AGENT, HUB, *(agent.get("modules") or {})}
        for name in [name for name in device.modules if name not in names]:
            del device.modules[name]
        for name in names:
            twin = device.modules.setdefault(name, Twin(device.name, name))
            if name in wanted:
                twin.desire(wanted[name])
        device.wake()

    def _seen(self, *, of_modules: bool) -> Iterator[Mapping[str, Any]]:
        for device in self.devices.values():
            device.report()
            twins: Sequence[Twin] = list(device.modules.values()) if of_modules else [device.twin]
            yield from (_in_queries(twin, device) for twin in twins)


def _in_queries(twin: Twin, device: EdgeDevice) -> dict[str, Any]:
    """Queries see the deployments of a twin; looking at it alone does not show them."""
    return {**twin.shown(device.facts()), "configurations": copy.deepcopy(twin.configurations)}
