"""The emulator as an object: start it, point clients at it, stop it."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from aml_plugins.errors import OperationFailedError
from aml_plugins.testing.azure_emulator.application import Application
from aml_plugins.testing.azure_emulator.arm.service import ArmService
from aml_plugins.testing.azure_emulator.batch.account import Account
from aml_plugins.testing.azure_emulator.batch.execution import end_processes_below
from aml_plugins.testing.azure_emulator.batch.service import BatchService
from aml_plugins.testing.azure_emulator.certificates import write_certificate
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.faults import Fault, Faults
from aml_plugins.testing.azure_emulator.iot_hub.hub import Hub
from aml_plugins.testing.azure_emulator.iot_hub.service import IotHubService
from aml_plugins.testing.azure_emulator.login import Login
from aml_plugins.testing.azure_emulator.reason_phrases import ReasonProtocol
from aml_plugins.testing.azure_emulator.registry.files import BuildFiles
from aml_plugins.testing.azure_emulator.registry.service import RegistryService
from aml_plugins.testing.azure_emulator.settings import Settings
from aml_plugins.testing.swagger import Specification

__all__ = ["SPECIFICATIONS", "AzureEmulator"]

SPECIFICATIONS = Path(__file__).parent / "specifications"
_PATIENCE = 30.0


class AzureEmulator:
    """A small Azure on loopback. A context manager; state is in memory and ends with it.

    :param port: for http; 0 takes a free one. Likewise ``https_port``.
    :param faults: what goes wrong from the beginning; more by :attr:`faults`.
    """

    def __init__(
        self, settings: Settings | None = None, *, port: int = 0, https_port: int = 0, faults: list[Fault] | None = None
    ) -> None:
        self.settings = settings or Settings()
        self.faults = Faults(faults)
        self._temporary = None if self.settings.directory else Path(tempfile.mkdtemp(prefix="azure-emulator-"))
        self.directory = self.settings.directory or self._temporary or Path()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate, self._key_file = write_certificate(self.directory)
        self._sockets = _listening(port), _listening(https_port)
        self._servers: list[tuple[uvicorn.Server, threading.Thread]] = []
        self._engine = Engine()
        self.account = Account(self.settings, self._engine, self.directory / "nodes", self.batch_url)
        self.application = self._application()

    @property
    def url(self) -> str:
        """Where everything is, over http."""
        return f"http://127.0.0.1:{self._sockets[0].getsockname()[1]}"

    @property
    def https_url(self) -> str:
        """Where everything is, over https; clients need :attr:`certificate`."""
        return f"https://127.0.0.1:{self._sockets[1].getsockname()[1]}"

    @property
    def batch_url(self) -> str:
        """The Batch account's endpoint."""
        return self.url

    @property
    def violations(self) -> list[str]:
        """What the specifications do not allow of all that was asked and answered, with ``validate``."""
        return list(self.application.record.violations)

    @property
    def calls(self) -> list[str]:
        """Verb and path of each request so far."""
        return list(self.application.record.calls)

    def start(self) -> Self:
        """Begin to answer."""
        tls = {"ssl_certfile": str(self.certificate), "ssl_keyfile": str(self._key_file)}
        for listening, more in zip(self._sockets, ({}, tls), strict=True):
            self._serve(listening, more)
        return self

    def stop(self) -> None:
        """End what runs, and answer no more."""
        for server, _ in self._servers:
            server.should_exit = True
        for _, thread in self._servers:
            thread.join()
        self.application.arm.close()
        self.application.iot_hub.close()
        with self._engine.lock:
            for task in [task for task in self.account.tasks() if task.state == "running"]:
                task.stop({})
        self._engine.close()
        end_processes_below(self.directory)
        for listening in self._sockets:
            listening.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def add_edge_device(self, name: str, **tags: str | int) -> str:
        """Register an IoT Edge device that is connected; return its address, where its modules' ports are."""
        with self._engine.lock:
            device = self._hub.add_device(name)
            device.twin.patch({"tags": tags})
            self._hub.evaluate()
        return device.address

    def connect_edge_device(self, name: str, *, is_connected: bool) -> None:
        """Let a device's network come or go; what it runs goes on."""
        with self._engine.lock:
            self._hub.device(name).connect(is_connected)

    @property
    def _hub(self) -> Hub:
        return self.application.iot_hub.hub

    def lose_node(self, pool: str, *, preempted: bool = False) -> str:
        """Let a node of a pool break down, one that runs something if there is one; return its id."""
        with self._engine.lock:
            nodes = sorted(self.account.pool(pool).nodes.values(), key=lambda node: -len(node.running))
            self.account.lose_node(nodes[0], preempted=preempted)
        return nodes[0].id

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self.stop()

    def _application(self) -> Application:
        files = tuple(sorted(path for path in SPECIFICATIONS.rglob("*.json") if "common-types" not in path.parts))
        planes = ("BatchService.json", "IotHubService.json")
        batch, iot_hub = (
            Specification(tuple(path for path in files if path.name == name), strict=False) for name in planes
        )
        arm = Specification(tuple(path for path in files if path.name not in planes), strict=False)
        builds = BuildFiles()
        return Application(
            BatchService(self.account, batch),
            ArmService(self.settings, self._engine, arm, builds),
            Login(self.settings),
            self.faults,
            Specification(files) if self.settings.validate else None,
            registry=RegistryService(self.settings),
            iot_hub=IotHubService(self.settings, self._engine, iot_hub),
            builds=builds,
        )

    def _serve(self, listening: socket.socket, more: dict[str, str]) -> None:
        config = uvicorn.Config(
            self.application, http=ReasonProtocol, log_level="critical", lifespan="off", ws="none",
            timeout_graceful_shutdown=1, server_header=False, date_header=True,
            ssl_certfile=more.get("ssl_certfile"), ssl_keyfile=more.get("ssl_keyfile"),
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), name="azure-emulator", daemon=True)
        thread.start()
        self._servers.append((server, thread))
        waited = threading.Event()
        for _ in range(int(_PATIENCE / 0.01)):
            if server.started:
                return
            waited.wait(0.01)
        raise OperationFailedError("The emulator does not start.")


def _listening(port: int) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind(("127.0.0.1", port))
    except OSError as error:
        made.close()
        raise OperationFailedError(
            f"Port {port} cannot be used: {error.strerror}.", "Choose another, or 0 for any that is free."
        ) from None
    made.listen(128)
    return made
