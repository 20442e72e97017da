"""Every seam of the framework, on one page.

A plugin is a module (or object) registered in the entry-point group ``aml_plugins``; it marks its functions with
``aml_plugins.hookimpl``. Three shapes, learnt once:

* ``aml_..._types()`` **describes** what a plugin provides; the factory named there is imported when first used.
* ``aml_run_environment``, ``aml_validate_run`` **contribute** to a submission. One that raises ends the submission.
* ``aml_run_...``, ``aml_task_...`` **observe**. An observer that raises is logged, and the others still run.

An implementation takes those of the hook's arguments that it needs, by name. It is a plain function (``async def`` and
wrappers are refused), does no I/O where it describes, and its module is light: no MLflow, no cloud SDK at import. A
plugin is used whole or not at all: a hook that only a newer version has is marked ``hookimpl(optionalhook=True)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord, TaskEvent

__all__ = ["CommandDescription", "Problem", "TypeDescription", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("aml_plugins")
hookimpl = pluggy.HookimplMarker("aml_plugins")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDescription:
    """A type of thing that a plugin provides, such as the compute target type ``local``.

    :param name: the word users write: lower case letters, digits, hyphens. Where two plugins describe one name for
        the same hook, using it is an error that names both.
    :param factory: ``"module:attribute"`` of the class, imported on first use.
    :param summary: one line for ``aml plugins list``.
    :param extra: the extra of ``aml-plugins`` that the factory's imports need, if any.
    """

    name: str
    factory: str
    summary: str
    extra: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDescription:
    """A noun added to the ``aml`` command line: ``factory`` names a click command or group."""

    name: str
    factory: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a policy refuses a submission: what is wrong, and what to do."""

    what: str
    fix: str = ""


@hookspec
def aml_compute_target_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe compute target types; factories are ``aml_plugins.compute.ComputeBackend`` classes.

    Called once when a process first needs a compute target or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_datastore_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe datastore types; factories are ``aml_plugins.datastores.Datastore`` classes.

    Called once when a process first opens a datastore or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_image_builder_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe ways to build a container image from models, a scoring script and an environment.

    Called once when a process first builds an image or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_container_registry_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe container registries that images are pushed to and pulled from.

    Called once when a process first pushes an image or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_service_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe where an image can be deployed as a web service or to a device.

    Called once when a process first deploys or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_secret_store_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe secret stores that ``secret://STORE/NAME`` can name; factories are ``aml_plugins.secrets.SecretStore``.

    Called once when a process first resolves a secret or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_telemetry_exporter_types() -> Iterable[TypeDescription]:  # type: ignore[empty-body]
    """Describe exporters of traces and metrics; factories are ``aml_plugins.telemetry.TelemetryExporter`` classes.

    Called once when a process first exports telemetry or lists plugins.

    :returns: one description a type; all plugins' answers are collected.
    """


@hookspec
def aml_run_environment(run: RunRecord) -> Mapping[str, str]:  # type: ignore[empty-body]
    """Contribute environment variables for the script of ``run``.

    Called by the driver right before the job is submitted; may be called again after a crash.

    :param run: the run as stored.
    :returns: variables by name. Two plugins that set one name differently make the submission fail, naming both.
    """


@hookspec
def aml_validate_run(run: RunRecord) -> Iterable[Problem]:  # type: ignore[empty-body]
    """Object to a submission: cost, region, naming, any policy.

    Called by the submitting process before anything is written.

    :param run: the run as it would be stored; its experiment may not exist yet, so ``experiment_id`` is empty.
    :returns: the problems; any problem of any plugin refuses the submission, and the user sees them all. A plugin
        that raises refuses it too: nobody knows what it would have said.
    """


@hookspec
def aml_run_submitted(run: RunRecord) -> None:
    """Observe that a job was handed to its compute target; ``run.handle`` says where it is.

    Called by the driver right after it wrote the handle down; not made up for where it is killed in between.

    :param run: the run as stored.
    """


@hookspec
def aml_run_state_changed(run: RunRecord, old: str, new: str) -> None:
    """Observe one transition of a run, in the process that drove it.

    Delivered at least once: a driver killed between the transition and this call is made up for by the next one.

    :param run: the run as stored now, which may be further than ``new``.
    :param old: the state before, a word of ``aml_plugins.runs.states.RunState``; likewise ``new``.
    """


@hookspec
def aml_run_finished(run: RunRecord) -> None:
    """Observe that a run reached Completed, Failed or Canceled. Delivered at least once.

    :param run: the run as stored, with its reason and exit code.
    """


@hookspec
def aml_task_event(event: TaskEvent) -> None:
    """Observe progress, messages and state changes of any long-running task. Delivered at least once, in order.

    Called by whoever drives the run: return soon.

    :param event: one line of the task's history; ``event.sequence`` tells a repetition from news.
    """


@hookspec
def aml_commands() -> Iterable[CommandDescription]:  # type: ignore[empty-body]
    """Describe nouns to add to the ``aml`` command line.

    Called only when the command line meets a noun that is not built in, and for ``aml --help``.

    :returns: one description a noun; a built-in noun cannot be replaced.
    """
