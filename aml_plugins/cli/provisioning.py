"""``aml compute create`` and ``aml compute delete``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.following import INTERRUPTED, ends_as_interruption
from aml_plugins.cli.options import in_workspace, open_workspace, settings_option
from aml_plugins.cli.output import facts, show
from aml_plugins.cli.target_settings import OPEN_OPTIONS, TargetCommand, settings_of

if TYPE_CHECKING:
    from aml_plugins.provisioning.operation import ComputeOperation
    from aml_plugins.workspace import Workspace

__all__ = ["create", "delete", "target_state"]

_WAIT = click.option("--wait/--no-wait", default=True, show_default=True, help="Return once it is done.")


@click.command(cls=TargetCommand, context_settings=OPEN_OPTIONS)
@click.argument("type_name", metavar="TYPE")
@click.argument("name")
@settings_option
@click.option("--timeout", default=3600.0, show_default=True, help="Seconds that it may take until it is ready.")
@click.option("--plan", is_flag=True, help="Show what would be asked for, and create nothing.")
@_WAIT
@in_workspace
@click.pass_context
def create(
    ctx: click.Context, type_name: str, name: str, settings: dict[str, str], timeout: float, plan: bool, wait: bool,
    store: str | None, workspace: str | None, output: str,
) -> None:  # fmt: skip
    """Create a compute target: aml compute create azure-batch cpu --account-url … --pool cpu --vm-size STANDARD_D2S_V3.

    Each setting of the type can be written as an option of its own; aml compute create TYPE --help has them. What a
    failed creation left is deleted.
    """
    opened = open_workspace(store, workspace)
    wanted: dict[str, Any] = {**settings, **settings_of(ctx)}
    if plan:
        planned = dict(opened.plan_compute(type_name, name, **wanted))
        show(output, planned, lambda: facts(planned))
        return
    made = opened.create_compute(type_name, name, timeout_seconds=timeout, **wanted)
    _finish(made, wait=wait, output=output, done=f"Created compute target '{name}' of type {type_name}.")


@click.command()
@click.argument("name")
@_WAIT
@in_workspace
def delete(name: str, wait: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Delete a compute target that was created here, with what it stands for; refused while runs have not ended."""
    asked = open_workspace(store, workspace).delete_compute(name)
    _finish(asked, wait=wait, output=output, done=f"Deleted compute target '{name}'.")


def target_state(opened: Workspace, name: str) -> dict[str, Any]:
    """Return the state of a target that is being created or deleted, or could not be; nothing for any other."""
    found = opened.context.store.provisionings.find(opened.name, name)
    if found is None or (found.settled and found.state == "Ready"):
        return {}
    return {"state": found.state, "details": found.reason}


def _finish(operation: ComputeOperation, *, wait: bool, output: str, done: str) -> None:
    task = operation.task
    if wait:
        try:
            with ends_as_interruption():
                operation.wait_for_completion(show_output=output == "text")
        except KeyboardInterrupt:
            with suppress(OSError):  # the terminal may be what ended us
                click.echo(f"\nInterrupted; it goes on. To stop it: aml task cancel {task.id}", err=True)
            raise SystemExit(INTERRUPTED) from None
    value = {"name": operation.name, "state": operation.state, "task_id": task.id}
    show(output, value, lambda: done if wait else f"On its way; watch it with: aml task watch {task.id}")
