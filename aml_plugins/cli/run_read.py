"""``aml run logs``, ``outputs`` and ``snapshot``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aml_plugins.cli.options import in_workspace, open_workspace
from aml_plugins.cli.output import show

if TYPE_CHECKING:
    from aml_plugins.store.records import RunRecord

__all__ = ["logs", "outputs", "snapshot"]


@click.command()
@click.argument("run_id")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run has ended.")
@click.option("--attempt", type=click.IntRange(1), help="Of this attempt; the last one by default.")
@in_workspace
def logs(run_id: str, follow: bool, attempt: int | None, store: str | None, workspace: str | None, output: str) -> None:
    """Print a run's output."""
    from aml_plugins.cli.following import handing_over
    from aml_plugins.cli.progress import told_once
    from aml_plugins.runs.logs import RunLog
    from aml_plugins.runs.waiting import wait

    run = open_workspace(store, workspace).get_run(run_id)
    if run.record is None:
        raise click.UsageError(f"The run {run_id} was not submitted here; its files: aml run outputs {run_id}")
    if follow and output == "text":
        with handing_over(run, f"the run goes on. Cancel it with: aml run cancel {run.id}"):
            ended = wait(run.workspace.context, run.workspace.driver, run.id, on_output=_write, on_change=told_once())
        _say_end(ended)
        return
    data = run.get_logs(attempt=attempt).encode() if attempt else RunLog(run.workspace.context).new(run.record)
    if output == "json":
        show(output, {"id": run.id, "log": data.decode("utf-8", "replace")}, str)
    else:
        _write(data)


@click.command()
@click.argument("run_id")
@click.option("--download", metavar="DIRECTORY", type=click.Path(file_okay=False), help="Bring the files there.")
@click.option("--path", default="outputs/", show_default=True, help="What the paths begin with; '' for every file.")
@in_workspace
def outputs(
    run_id: str, download: str | None, path: str, store: str | None, workspace: str | None, output: str
) -> None:
    """List a run's outputs, or download them."""
    from aml_plugins.errors import NotFoundError

    run = open_workspace(store, workspace).get_run(run_id)
    there = run.get_file_names()
    names = [name for name in there if name.startswith(path)]
    if not names and path not in {"", "outputs/"}:
        raise NotFoundError(f"The run {run.id} has no file '{path}'.", f"It has: {', '.join(there) or 'none yet'}.")
    if download is not None:
        files = [str(file) for file in run.download_files(path, download)]
        show(output, files, lambda: "\n".join(files) or "No file.")
        return
    show(output, names, lambda: "\n".join(names) or "No file.")


@click.command()
@click.argument("run_id")
@click.option("--download", metavar="FILE", type=click.Path(dir_okay=False), help="Write the zip file there.")
@in_workspace
def snapshot(run_id: str, download: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """List the files of a run's snapshot, or download it."""
    import tempfile
    import zipfile

    run = open_workspace(store, workspace).get_run(run_id)
    if download is not None:
        written = run.download_file("snapshot/snapshot.zip", Path(download))
        show(output, {"path": str(written)}, lambda: f"Wrote {written}.")
        return
    with tempfile.TemporaryDirectory() as directory:
        archive = zipfile.ZipFile(run.download_file("snapshot/snapshot.zip", directory))
        files = [{"path": member.filename, "size": member.file_size} for member in archive.infolist()]
        archive.close()
    show(output, files, lambda: "\n".join(f"{file['size']:>10}  {file['path']}" for file in files))


def _say_end(run: RunRecord) -> None:
    """Say on standard error how a run ended that did not complete: its log may not know, or be empty."""
    from aml_plugins.runs.attempts import without_log
    from aml_plugins.runs.states import RunState

    if run.state != RunState.COMPLETED.value:
        click.echo(f"The run {run.run_id} ended as {run.state}. {without_log(run.reason)}".rstrip(), err=True)


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
