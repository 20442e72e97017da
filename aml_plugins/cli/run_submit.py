"""``aml run submit``, ``wait`` and ``cancel``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aml_plugins.cli.options import in_workspace, open_workspace, pairs
from aml_plugins.cli.output import show
from aml_plugins.cli.run_show import as_json

if TYPE_CHECKING:
    from aml_plugins.runs.run import Run
    from aml_plugins.workspace import Workspace

__all__ = ["cancel", "submit", "wait_"]


@click.command()
@click.argument("directory", type=click.Path())
@click.option("--script", metavar="FILE", help="The script, relative to DIRECTORY; default: the run configuration's.")
@click.option("--target", metavar="NAME", help="The compute target; default: the run configuration's, else 'local'.")
@click.option("--experiment", metavar="NAME", help="The experiment; default: the directory's name.")
@click.option("--config", "-c", metavar="RUNCONFIG", help="A run configuration: a name in .aml/, or a file.")
@click.option("--name", help="The run's display name.")
@click.option(
    "--env", "variables", multiple=True, callback=pairs, metavar="NAME=VALUE", help="An environment variable."
)
@click.option("--tag", "tags", multiple=True, callback=pairs, metavar="NAME=VALUE", help="A tag of the run.")
@click.option("--parent", metavar="RUN_ID", help="The run that this one belongs to.")
@click.option("--idempotency-key", metavar="KEY", help="Submitting again under the same key returns the same run.")
@click.option("--wait", is_flag=True, help="Show the log and wait for the end.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@in_workspace
def submit(
    directory: str,
    script: str | None,
    target: str | None,
    experiment: str | None,
    config: str | None,
    name: str | None,
    variables: dict[str, str],
    tags: dict[str, str],
    parent: str | None,
    idempotency_key: str | None,
    wait: bool,
    arguments: tuple[str, ...],
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Submit the script directory DIRECTORY; script arguments follow after --."""
    from aml_plugins.cli.progress import snapshot_progress
    from aml_plugins.runs.monitoring import ensure_monitor
    from aml_plugins.script_run_config import ScriptRunConfig

    settings = ScriptRunConfig(
        directory,
        script=script,
        arguments=arguments or None,
        run_config=config,
        compute_target=target,
        environment_variables=variables or None,
    )
    for note in settings.configuration.notes:
        click.echo(f"Note: {note}", err=True)
    opened = open_workspace(store, workspace)
    experiment = experiment or Path(directory).resolve().name
    _ask_ahead(opened, experiment)
    with snapshot_progress(quiet=output == "json") as progress:
        run = opened.experiment(experiment).submit(
            settings, name=name, tags=tags, parent_run_id=parent, idempotency_key=idempotency_key, progress=progress
        )
    if wait:
        _announce(output, f"Submitted run {run.id}.")
        _wait(run, output)
        return
    opened.driver.release()
    ensure_monitor(opened.context)
    show(output, as_json(run), lambda: f"Submitted run {run.id}.\nFollow it with: aml run logs -f {run.id}")


@click.command("wait")
@click.argument("run_id")
@in_workspace
def wait_(run_id: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a run's log and wait for its end; exit code 1 if it failed."""
    _wait(open_workspace(store, workspace).get_run(run_id), output)


@click.command()
@click.argument("run_id")
@in_workspace
def cancel(run_id: str, store: str | None, workspace: str | None, output: str) -> None:
    """Cancel a run and wait until it has ended."""
    from aml_plugins.cli.following import handing_over
    from aml_plugins.cli.progress import show_progress

    run = open_workspace(store, workspace).get_run(run_id)
    run.cancel()
    parting = f"the run is being canceled. See: aml run show {run.id}"
    with handing_over(run, parting), show_progress(run, quiet=output == "json") as on_change:
        run.wait_for_completion(raise_on_error=False, on_change=on_change)
    show(output, as_json(run), lambda: f"The run {run.id} ended as {run.status}.")


def _ask_ahead(opened: Workspace, experiment: str) -> None:
    """Let a server answer the first questions while this process imports what submits."""
    from aml_plugins.store.opening import is_server

    uri = opened.context.store.uri
    if is_server(uri):
        from aml_plugins.mlflow_rest.ahead import ask_ahead

        ask_ahead(uri, opened.name, experiment)


def _wait(run: Run, output: str) -> None:
    """Follow the run; an interruption leaves it running and says so."""
    from aml_plugins.cli.following import handing_over
    from aml_plugins.cli.progress import show_progress

    parting = f"the run goes on. Cancel it with: aml run cancel {run.id}"
    with handing_over(run, parting), show_progress(run, quiet=output == "json") as on_change:
        run.wait_for_completion(show_output=output == "text", on_change=on_change)
    show(output, as_json(run), lambda: f"The run {run.id} ended as {run.status}.")


def _announce(output: str, sentence: str) -> None:
    click.echo(sentence, err=output == "json")
