"""What a compute backend must do, worded as obligations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from aml_plugins.compute.job import JobHandle, JobPlan, JobSpec, JobStatus
from aml_plugins.errors import InvalidInputError
from aml_plugins.secrets.references import SecretSource, from_environment, is_reference

if TYPE_CHECKING:
    from aml_plugins.datastores.contract import Datastore

__all__ = ["ComputeBackend", "ComputeTarget", "TargetConfig"]


class TargetConfig(BaseModel):
    """Settings of a compute target; a backend subclasses it. Unknown keys are refused.

    :param max_parallel_runs: how many runs the core may have on the target at a time; the others wait in
        ``Queued``. None leaves queueing to the target.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_parallel_runs: int | None = Field(None, description="Runs at a time; the others wait in Queued.")


def _no_datastore(name: str) -> Datastore:
    raise InvalidInputError(
        f"There is no datastore '{name or 'by default'}' here.", "A compute target of a workspace has its datastores."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeTarget:
    """An attached compute target: a name in a workspace, a type, its validated settings.

    :param home: a local directory that the backend may use for this target (state, caches).
    :param secrets: resolves the references in ``config``; see :meth:`secret`.
    :param open_datastore: opens a datastore of the workspace by its name; the empty name is the default one.
    """

    workspace: str
    name: str
    type: str
    config: TargetConfig
    home: Path
    secrets: SecretSource = field(default=from_environment, repr=False, compare=False)
    open_datastore: Callable[[str], Datastore] = field(default=_no_datastore, repr=False, compare=False)

    def secret(self, value: str) -> str:
        """Return the value that a setting such as ``secret://STORE/NAME`` refers to, from the workspace's stores."""
        return self.secrets(value) if is_reference(value) else value


class ComputeBackend(ABC):
    """Runs jobs on one compute target. Synchronous, returns at once, idempotent; waiting is the core's.

    Errors: raise :class:`~aml_plugins.errors.TransientBackendError` where asking again may help,
    :class:`~aml_plugins.errors.BackendError` where it will not. A job that failed is a status, not an error.
    """

    type_name: ClassVar[str]
    config_model: ClassVar[type[TargetConfig]] = TargetConfig
    is_own_machine: ClassVar[bool] = False
    """Whether jobs live on the submitter's machine, below its home directory: nobody elsewhere can look at them."""

    shares_files: ClassVar[bool] = False
    """Whether scripts see the submitting machine's files under the same paths: its tracking database, above all."""

    script_secrets: ClassVar[tuple[str, ...]] = ()
    """Settings of the target whose secrets scripts get to see: they are hidden in the logs of runs."""

    def __init__(self, target: ComputeTarget) -> None:
        """Keep ``target``. Make no network call here: DAG files construct backends when they are parsed."""
        self.target = target

    @abstractmethod
    def plan(self, spec: JobSpec, key: str) -> JobPlan:
        """Return what :meth:`submit` would send. Pure and deterministic.

        :raises InvalidInputError: where the target can never run this.
        """

    @abstractmethod
    def submit(self, spec: JobSpec, key: str) -> JobHandle:
        """Start the job and return at once. The same ``key`` always means the same job.

        Safe to repeat at any point, also by another process after a crash half-way: "already exists" on the
        remote side means "mine". The remote name must follow from ``key`` alone
        (3 to 63 characters of ``a-z 0-9 -``).
        """

    @abstractmethod
    def find(self, key: str) -> JobHandle | None:
        """Return the handle of the job that ``submit`` started under ``key``, None where there is none."""

    @abstractmethod
    def status(self, handle: JobHandle) -> JobStatus:
        """Ask once how the job is; never sleep. A word nobody knows is ``UNKNOWN``.

        :raises JobNotFoundError: where the target has no such job.
        """

    @abstractmethod
    def cancel(self, handle: JobHandle) -> None:
        """Ask the job to end, and return. Idempotent; a job that is over or missing is fine."""

    @abstractmethod
    def fetch(self, handle: JobHandle, destination: Path) -> None:
        """Bring the results of an ended job into the directory ``destination`` (it exists and is empty).

        Afterwards it holds, as far as the job produced them, ``outputs/``, ``logs/`` (with ``std_log.txt``) and
        ``records.jsonl`` (what the script logged through the Azure ML v1 API). Local targets may link instead of
        copying. Idempotent: called again, with a fresh directory, after a crash.
        """

    @abstractmethod
    def cleanup(self, handle: JobHandle) -> None:
        """Delete what the job left on the target, running remnants included. Idempotent.

        :raises NotYetDoneError: to be called again later.
        """

    def statuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        """Ask for many jobs; override where the service can list, in one round trip a target.

        An exception for one handle is returned in its place, so that it does not hide the others.
        """
        found: dict[JobHandle, JobStatus | Exception] = {}
        for handle in handles:
            try:
                found[handle] = self.status(handle)
            except Exception as error:  # noqa: BLE001  one sick job must not hide the healthy ones
                found[handle] = error
        return found

    async def astatuses(self, handles: Iterable[JobHandle]) -> Mapping[JobHandle, JobStatus | Exception]:
        """Like :meth:`statuses`, for event loops; override with a native client where there is one."""
        import asyncio  # noqa: PLC0415  5 ms, and few wait this way

        return await asyncio.to_thread(self.statuses, handles)

    async def acancel(self, handle: JobHandle) -> None:
        """Like :meth:`cancel`, for event loops."""
        import asyncio  # noqa: PLC0415  as above

        await asyncio.to_thread(self.cancel, handle)

    def check(self) -> str:
        """Try the target for ``aml doctor`` and return one line about it; raise what is wrong."""
        return "nothing to check"

    def close(self) -> None:  # noqa: B027  optional: most backends hold nothing open
        """Release connections. May be called twice."""
