"""Submit: check everything, write the run down, and only then let anything leave the process (journey, step 1)."""

from __future__ import annotations

import getpass
import logging
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aml_plugins.compute.abilities import SupportsReadiness
from aml_plugins.compute.runner_bundle import runner_file
from aml_plugins.compute.targets import attached, find_target
from aml_plugins.errors import InvalidInputError
from aml_plugins.home import home_id
from aml_plugins.runs.configuration import RunConfiguration
from aml_plugins.runs.names import check_names
from aml_plugins.runs.reconciliation.bundle import job_spec
from aml_plugins.runs.reconciliation.driver import LEASE_SECONDS
from aml_plugins.runs.reconciliation.step import job_key
from aml_plugins.runs.scripts import script_inside, scripts_in
from aml_plugins.runs.snapshot import take_snapshot
from aml_plugins.runs.source import check_directory
from aml_plugins.runs.states import RunState
from aml_plugins.store.copies import changed
from aml_plugins.store.records import RunRecord
from aml_plugins.workspaces.settings import check_open

if TYPE_CHECKING:
    from aml_plugins.context import Context
    from aml_plugins.runs.reconciliation.driver import Driver
    from aml_plugins.runs.snapshot import Snapshot
    from aml_plugins.store.records import ComputeTargetRecord

__all__ = ["Submission", "ask_policies", "submit"]

logger = logging.getLogger(__name__)

SHOWN_SKIPPED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller wants to run.

    :param directory: the source directory; all of it travels, less what its ignore file names.
    :param configuration: script, arguments, target, environment and so on; ``target`` must be set.
    :param idempotency_key: one key maps to one run for ever: submitting again returns that run.
    :param progress: called with files and bytes done while the snapshot is taken.
    :param parameters: what MLflow shows as the run's parameters from its beginning.
    """

    workspace: str
    experiment: str
    directory: Path
    configuration: RunConfiguration
    name: str | None = None
    parent_run_id: str | None = None
    idempotency_key: str | None = None
    progress: Callable[[int, int], None] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


def submit(context: Context, driver: Driver, wanted: Submission) -> RunRecord:
    """Write the run down and drive it as far as it goes without waiting.

    :returns: the run; where the idempotency key is known, the run that has it.
    :raises InvalidInputError: for a mistake of the caller; nothing was written.
    """
    check_directory(wanted.directory)
    check_names(wanted)
    _check_workspace(context, wanted)
    configuration = _resolved(wanted)
    _check_data(context, wanted.workspace, configuration)
    target = find_target(context.store, wanted.workspace, configuration.target or "")
    backend = context.backends.of(target)
    snapshot = take_snapshot(wanted.directory, cache=context.home / "snapshots", progress=wanted.progress)
    run = _record(wanted, configuration, target, snapshot.digest, driver.owner)
    run = changed(run, source={**run.source, "home": home_id(context.home)})
    backend.plan(job_spec(run, {}, {}), job_key(run))
    ask_policies(context, run)
    if isinstance(backend, SupportsReadiness):
        backend.get_ready(runner_file(context.home))
    experiment_id = context.history(run.workspace).ensure_experiment(run.experiment_name)
    attached(context.store, target)  # last, so that what is refused leaves no row
    message = " ".join([f"Submitted {run.script} to '{target.name}'.", *_left_behind(snapshot)])
    stored = context.store.runs.add(changed(run, experiment_id=experiment_id), message=message)
    if stored.run_id == run.run_id:
        driver.adopt(stored)
    return driver.drive([stored.run_id])[stored.run_id]


def _left_behind(snapshot: Snapshot) -> Sequence[str]:
    """Return and log a sentence for what does not travel; the script may miss it."""
    more = len(snapshot.skipped) - SHOWN_SKIPPED
    said = [*snapshot.skipped[:SHOWN_SKIPPED], *([f"{more} more stay behind."] if more > 0 else [])]
    for sentence in said:
        logger.warning("%s", sentence)
    return said


def _check_data(context: Context, workspace: str, configuration: RunConfiguration) -> None:
    if configuration.data:
        from aml_plugins.runs.data.checking import check_data  # noqa: PLC0415  most runs have none

        check_data(context, workspace, configuration.data)


def _record(
    wanted: Submission, configuration: RunConfiguration, target: ComputeTargetRecord, digest: str, owner: str
) -> RunRecord:
    """Return the run as it will be written down, but for its experiment, which may have to be made."""
    now = time.time()
    return RunRecord(
        workspace=wanted.workspace,
        run_id=uuid.uuid4().hex,
        experiment_id="",
        experiment_name=wanted.experiment,
        target=target.name,
        target_type=target.type,
        state=RunState.NOT_STARTED.value,
        script=configuration.script or "",
        config=configuration.to_json(),
        source={
            "directory": str(wanted.directory.absolute()),
            "host": socket.gethostname(),
            **({"parameters": dict(wanted.parameters)} if wanted.parameters else {}),
        },
        name=wanted.name,
        parent_run_id=wanted.parent_run_id,
        idempotency_key=wanted.idempotency_key,
        user=_user(),
        snapshot_digest=digest,
        created_at=now,
        lease_owner=owner,
        lease_until=now + LEASE_SECONDS,
    )


def _check_workspace(context: Context, wanted: Submission) -> None:
    """Refuse new work in an archived workspace; a run that was submitted before is still found by its key."""
    key = wanted.idempotency_key
    if key is None or context.store.runs.find_by_key(wanted.workspace, key) is None:
        check_open(context.store, wanted.workspace)


def _resolved(wanted: Submission) -> RunConfiguration:
    """Return the configuration with the files it names read, and the script checked."""
    configuration = wanted.configuration.resolve(wanted.directory)
    if not configuration.script:
        raise InvalidInputError(
            "No script is named.",
            f"Name one with --script; at the top of '{wanted.directory}' there is: {scripts_in(wanted.directory)}.",
        )
    if not configuration.target:
        raise InvalidInputError("No compute target is named.", "Name one with --target, such as: --target local")
    return configuration.model_copy(update={"script": script_inside(wanted.directory, configuration.script)})


def ask_policies(context: Context, run: RunRecord) -> None:
    """Ask the plugins of this process whether the run may be.

    :raises InvalidInputError: with all that they object.
    """
    problems = context.plugins.collect("aml_validate_run", run=run)
    if problems:
        told = " ".join(f"{plugin}: {problem.what} {problem.fix}".rstrip() for plugin, problem in problems)
        raise InvalidInputError(f"The submission was refused by policy. {told}")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
