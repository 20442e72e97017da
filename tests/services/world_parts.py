"""Processes of a world of tests: each with a group of its own, to be killed and started again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from aml_plugins.testing.waiting import wait_until

__all__ = ["Part", "end_all", "until"]

T = TypeVar("T")

PATIENCE_SECONDS = 300
LONGEST_PAUSE_SECONDS = 1.0
"""An answer of Airflow's API server costs it, and its database, as much as a look at a thousand runs of ours."""


def until(wanted: Callable[[], T | None], what: str, *, patience: float = PATIENCE_SECONDS) -> T:
    """Ask again and again until the answer is not empty, and return it."""
    found = wait_until(wanted, patience, longest=LONGEST_PAUSE_SECONDS, what=what)
    assert found is not None
    return found


@dataclass
class Part:
    """A process of its own, with all that it starts.

    :param is_ready: says whether it works, asked after each start.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    is_ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment,
                cwd=self.log.parent,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return once it works."""

        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text()[-4000:]}"
            return self.is_ready()

        until(ready, f"the start of {self.name}")

    def start(self) -> None:
        self.begin()
        self.wait()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tree(self) -> list[psutil.Process]:
        """The process and everything below it."""
        if self.process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        return []

    def kill(self) -> None:
        """End it with everything below it, without a word, as a machine does that loses its power."""
        end_all(self.tree(), psutil.Process.kill)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        """End it as its user does, and what does not end by itself with force."""
        if not self.is_running:
            return
        assert self.process is not None
        tree = self.tree()
        self.process.terminate()
        psutil.wait_procs(tree, timeout=20)
        end_all([process for process in tree if process.is_running()], psutil.Process.kill)
        self.process.wait()


def end_all(processes: list[psutil.Process], how: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            how(process)
