"""Runs jobs on this machine. The submitter may end, or be killed, at any moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from aml_backends.local.config import LocalConfig
from aml_backends.local.launching import Launcher
from aml_plugins.compute import ComputeTarget, JobSpec, TargetConfig
from aml_plugins.compute.detached import start_detached
from aml_plugins.compute.own_machine import OwnMachineBackend
from aml_plugins.compute.refusing import refuse_spark
from aml_plugins.compute.runner_bundle import runner_command

__all__ = ["LocalBackend"]


class LocalBackend(OwnMachineBackend):
    """Starts the runner with the target's Python, or from a process that has it loaded where one is ready."""

    type_name: ClassVar[str] = "local"
    config_model: ClassVar[type[TargetConfig]] = LocalConfig

    def __init__(self, target: ComputeTarget) -> None:
        super().__init__(target)
        self._launcher = Launcher(target.home)

    def get_ready(self, runner: Path) -> None:
        """Start the launcher, which takes as long to load as the core still needs."""
        self._launcher.get_ready(self._config.python, runner)

    def close(self) -> None:
        self._launcher.close()

    def _command(self, spec: JobSpec, directory: Path) -> Sequence[str]:
        del spec
        return runner_command(self._config.python, directory / "runner.pyz", directory)

    def _start(self, spec: JobSpec, directory: Path, variables: Mapping[str, str]) -> None:
        runner = spec.bundle["runner.pyz"]
        if not self._launcher.start(self._config.python, runner, directory, variables):
            start_detached(self._command(spec, directory), directory, variables)

    def _check(self, spec: JobSpec) -> None:
        super()._check(spec)
        refuse_spark(spec, self.target.name)
