"""The containers of a group, run by the engine of this machine."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aml_plugins.testing.azure_emulator.arm.surroundings import Surroundings
from aml_plugins.testing.azure_emulator.batch.text import iso, milliseconds
from aml_plugins.testing.azure_emulator.engine import Engine
from aml_plugins.testing.azure_emulator.engines import LABEL
from aml_plugins.testing.azure_emulator.engines import engine as find_engine

__all__ = ["GroupContainer"]

_SECONDS = 60
_PULL_SECONDS = 600
_GRACE = 10
_BACK_OFF_SECONDS = (1.0, 10.0)
"""Between a container's end and its next start: at first, and at most. It doubles each time, as a kubelet's does, which
begins with ten seconds: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy."""
_RUNNING_LOG = 4 << 20
_ENDED_LOG = 16 << 10


class GroupContainer:
    """One container. Its facts change under the engine's lock.

    :param name: the beginning of its name on the engine.
    :param surroundings: what the group gives it: network, volumes, credentials.
    """

    def __init__(
        self, clock: Engine, name: str, spec: Mapping[str, Any], policy: str, surroundings: Surroundings
    ) -> None:
        self._around = surroundings
        self.address: str | None = None
        self._clock = clock
        self._base = self._name = name
        self._spec = spec
        self._policy = policy
        self._ended = False
        self.restarts = 0
        self.events: list[dict[str, Any]] = []
        self.current: dict[str, Any] = {"state": "Waiting", "detailStatus": ""}
        self.previous: dict[str, Any] | None = None
        self.log = ""

    @property
    def is_started(self) -> bool:
        """Whether it ran at least once."""
        return self.current["state"] != "Waiting" or self.previous is not None

    @property
    def is_terminated(self) -> bool:
        """Whether it has ended."""
        return bool(self.current["state"] == "Terminated")

    def start(self, then: Callable[[int], None] | None = None) -> None:
        """Begin, in a thread. Each start has a name of its own: what stops an old one does not meet a new one.

        :param then: called with its exit code when it has come to its end by itself.
        """
        self._ended = False
        self._name = f"{self._base}-{uuid.uuid4().hex[:8]}"
        threading.Thread(target=self._life, args=(then,), name=self._name, daemon=True).start()

    def stop(self) -> None:
        """Let it end, with a little time for its farewell, and start it no more."""
        self._ended = True
        self._in_thread("stop", "--time", str(_GRACE), self._name)

    def remove(self, then: Callable[[], None]) -> threading.Thread:
        """End it at once, and delete it; return who does it."""
        self._ended = True
        return self._in_thread("rm", "--force", self._name, then=then)

    def _in_thread(self, *arguments: str, then: Callable[[], None] | None = None) -> threading.Thread:
        def act() -> None:
            self._docker(*arguments)
            if then is not None:
                then()

        acting = threading.Thread(target=act, name=self._name)
        acting.start()
        return acting

    def view(self) -> dict[str, Any]:
        """Return its ``instanceView``."""
        found: dict[str, Any] = {"restartCount": self.restarts, "currentState": dict(self.current)}
        if self.previous is not None:
            found["previousState"] = dict(self.previous)
        return found | {"events": list(self.events)}

    def logs(self, tail: int | None) -> str:
        """Return its output as the API shows it."""
        if self.is_terminated or self.current["state"] == "Waiting":
            text, limit = self.log, _ENDED_LOG
        else:
            shown = self._docker("logs", self._name)
            text, limit = (shown.stdout.decode("utf-8", "replace") if shown.returncode == 0 else ""), _RUNNING_LOG
        lines = text[-limit:].splitlines(keepends=True)
        return "".join(lines[-tail:] if tail else lines)

    def _life(self, then: Callable[[int], None] | None) -> None:
        name = self._name
        while True:
            code = self._once(name)
            with self._clock.lock:
                again = self._policy == "Always" or (self._policy == "OnFailure" and code != 0)
                if self._is_over(name):
                    return
                if not again:
                    if then is not None:
                        then(code)
                    return
                self.restarts += 1
                self.previous, self.current = self.current, {"state": "Waiting", "detailStatus": "CrashLoopBackOff"}
            shortest, longest = _BACK_OFF_SECONDS
            time.sleep(min(longest, shortest * 2 ** (self.restarts - 1)))
            if self._is_over(name):
                return

    def _is_over(self, name: str) -> bool:
        return self._ended or self._name != name

    def _once(self, name: str) -> int:
        image = str(self._spec.get("image") or "")
        self._tell("Pulling", f'pulling image "{image}"')
        self._docker("rm", "--force", name)
        self._around.log_in(image, lambda *arguments: self._docker(*arguments, seconds=_PULL_SECONDS))
        begun = self._docker(*self._arguments(name, image), environment=self._environment())
        if begun.returncode != 0:
            said = begun.stderr.decode("utf-8", "replace").strip().splitlines()
            return self._failed(said[-1] if said else "the engine refused")
        if self._is_over(name):  # it was stopped while the image came
            self._docker("rm", "--force", name)
        self.address = self._around.address(name, self._docker)
        self._tell("Pulled", f'Successfully pulled image "{image}"')
        self._tell("Created", "Created container")
        self._tell("Started", "Started container")
        self._set({"state": "Running", "startTime": milliseconds(), "detailStatus": ""})
        return self._waited(name)

    def _waited(self, name: str) -> int:
        waited = self._docker("wait", name, seconds=None)
        code = int(waited.stdout.strip() or 137) if waited.returncode == 0 else 137
        shown = self._docker("logs", name)
        if shown.returncode == 0:
            self.log = (shown.stdout + shown.stderr).decode("utf-8", "replace")
        status = "Completed" if code == 0 else "Error"
        started = self.current.get("startTime") or milliseconds()
        self._set(
            {
                "state": "Terminated",
                "startTime": started,
                "exitCode": code,
                "finishTime": milliseconds(),
                "detailStatus": status,
            }
        )
        return code

    def _failed(self, message: str) -> int:
        self._tell("Failed", message, "Warning")
        now = milliseconds()
        self._set(
            {"state": "Terminated", "startTime": now, "exitCode": 128, "finishTime": now, "detailStatus": "Error"}
        )
        return 128

    def _arguments(self, name: str, image: str) -> list[str]:
        """A group's network is this machine's, unless it has an address of its own."""
        limits = (self._spec.get("resources") or {}).get("requests") or {}
        names = [part for name in self._environment() for part in ("--env", name)]
        command = list(self._spec.get("command") or ())
        entry = ["--entrypoint", command[0]] if command else []
        memory = ["--memory", f"{int(float(limits['memoryInGB']) * 1024)}m"] if limits.get("memoryInGB") else []
        return [
            "run",
            "--detach",
            "--label",
            LABEL,
            "--name",
            name,
            "--network",
            self._around.network,
            *self._around.mounts(self._spec),
            *memory,
            *names,
            *entry,
            image,
            *command[1:],
        ]

    def _environment(self) -> dict[str, str]:
        variables = self._spec.get("environmentVariables") or ()
        return {item["name"]: str(item.get("secureValue") or item.get("value") or "") for item in variables}

    def _tell(self, name: str, message: str, kind: str = "Normal") -> None:
        now = iso(int(time.time()))  # events are told in whole seconds
        event = {
            "count": 1, "firstTimestamp": now, "lastTimestamp": now, "name": name, "message": message, "type": kind,
        }  # fmt: skip
        with self._clock.lock:
            self.events.append(event)

    def _set(self, state: dict[str, Any]) -> None:
        with self._clock.lock:
            self.current = state

    def _docker(
        self, *arguments: str, environment: Mapping[str, str] | None = None, seconds: float | None = _SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        program = find_engine() or "docker"
        variables = {**os.environ, **(environment or {})}
        try:
            return subprocess.run(
                [program, *arguments], capture_output=True, check=False, timeout=seconds, env=variables,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(arguments, 1, b"", str(error).encode())
