"""``aml run list`` and ``show``: from our store alone, without MLflow, so that they answer at once."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from aml_plugins.cli.options import in_workspace, open_workspace
from aml_plugins.cli.output import ago, facts, moment, show, table

if TYPE_CHECKING:
    from aml_plugins.runs.run import Run
    from aml_plugins.store.records import RunRecord

__all__ = ["as_json", "list_", "show_"]


@click.command("list")
@click.option("--experiment", metavar="NAME")
@click.option("--target", metavar="NAME")
@click.option("--state", "states", multiple=True, help="A run state, such as Running; may be repeated.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000))
@in_workspace
def list_(
    experiment: str | None,
    target: str | None,
    states: tuple[str, ...],
    limit: int,
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """List runs, newest first."""
    from aml_plugins.runs.monitoring import ensure_driven

    opened = open_workspace(store, workspace)
    runs = opened.context.store.runs.list(
        opened.name, experiment=experiment, target=target, states=_states(states), limit=limit
    )
    ensure_driven(opened.context, runs)
    rows = [_row(run) for run in runs]
    columns = ["id", "experiment", "script", "target", "state", "created"]
    show(output, [_json(run) for run in runs], lambda: table(rows, columns, "No run."))


@click.command("show")
@click.argument("run_id")
@in_workspace
def show_(run_id: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a run: where it is, how it ended, and why."""
    from aml_plugins.runs.monitoring import ensure_driven

    run = open_workspace(store, workspace).get_run(run_id)
    if run.record is not None:
        ensure_driven(run.workspace.context, [run.record])
    show(output, as_json(run), lambda: facts(_for_people(as_json(run))))


def _for_people(value: dict[str, Any]) -> dict[str, Any]:
    """Show moments as moments, and attempts, where there were several, a line each."""
    attempts = value.get("attempts") or []
    lines = {f"attempt {one['number']}": _attempt_line(one) for one in attempts} if len(attempts) > 1 else {}
    shown = {name: item for name, item in value.items() if name != "attempts"} | lines
    return {name: moment(item) if name.endswith("_at") and item else item for name, item in shown.items()}


def _attempt_line(attempt: dict[str, Any]) -> str:
    what = "lost its machine" if attempt["lost"] else attempt["state"]
    return f"{what}: {attempt['reason']}" if attempt["reason"] else what


def as_json(run: Run) -> dict[str, Any]:
    """Return a run as JSON values."""
    if run.record is not None:
        return _json(run.record)
    return run.get_details()


def _json(run: RunRecord) -> dict[str, Any]:
    from aml_plugins.runs.attempts import LINK, attempts_of

    return {
        "id": run.run_id,
        "name": run.name,
        "workspace": run.workspace,
        "experiment": run.experiment_name,
        "script": run.script,
        "target": run.target,
        "target_type": run.target_type,
        "state": run.state,
        "native_state": run.native_state or None,
        "link": run.cursors.get(LINK),
        "reason": run.reason,
        "exit_code": run.exit_code,
        "attempt": run.attempt,
        "attempts": [asdict(attempt) for attempt in attempts_of(run)],
        "snapshot": run.snapshot_digest,
        "parent": run.parent_run_id,
        "created_at": run.created_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
    }


def _row(run: RunRecord) -> dict[str, Any]:
    return {
        "id": run.run_id,
        "experiment": run.experiment_name,
        "script": run.script,
        "target": run.target,
        "state": run.state,
        "created": ago(run.created_at),
    }


def _states(wanted: tuple[str, ...]) -> list[str]:
    from aml_plugins.errors import InvalidInputError
    from aml_plugins.runs.states import RunState
    from aml_plugins.suggestions import did_you_mean

    words = {state.value.lower(): state.value for state in RunState}
    for word in wanted:
        if word.lower() not in words:
            raise InvalidInputError(
                f"There is no run state '{word}'.{did_you_mean(word, words.values())}",
                f"The states are: {', '.join(words.values())}.",
            )
    return [words[word.lower()] for word in wanted]
