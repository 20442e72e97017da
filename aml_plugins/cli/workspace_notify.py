"""``aml workspace notify``: webhooks of a workspace."""

from __future__ import annotations

import click

from aml_plugins.cli.options import in_workspace, open_workspace
from aml_plugins.cli.output import show, table

__all__ = ["notify"]

REMOTE_REFUSED = 3


@click.group()
def notify() -> None:
    """Tell others of the workspace's tasks: webhooks and chats."""


@notify.command()
@click.argument("name")
@click.option("--url", required=True, help="http://…, https://… or secret://STORE/NAME, for URLs that are secrets.")
@click.option("--secret", default="", metavar="REFERENCE", help="Signs what is sent: secret://STORE/NAME.")
@click.option("--state", "states", multiple=True, metavar="STATE", help="Only changes to this state; may be repeated.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="Only tasks of this kind; may be repeated.")
@click.option("--form", default="standard", type=click.Choice(["standard", "slack"]), show_default=True)
@in_workspace
def add(
    name: str,
    url: str,
    secret: str,
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    form: str,
    store: str | None,
    workspace: str | None,
    output: str,
) -> None:
    """Notify a webhook of the workspace's tasks from now on."""
    from aml_plugins.workspaces.notifications import Notification, add_notification

    opened = open_workspace(store, workspace)
    wanted = Notification(name=name, url=url, secret=secret, states=states, kinds=kinds, form=form)
    add_notification(opened.context.store, opened.name, wanted)
    show(output, {"name": name}, lambda: f"Notifying {wanted.place}. Try it with: aml workspace notify test {name}")


@notify.command("list")
@in_workspace
def list_(store: str | None, workspace: str | None, output: str) -> None:
    """List whom the workspace notifies; paths of URLs are not shown."""
    from aml_plugins.workspaces.notifications import notifications
    from aml_plugins.workspaces.settings import settings

    opened = open_workspace(store, workspace)
    found = [
        {
            "name": entry.name,
            "url": entry.place,
            "signed": "yes" if entry.secret else "no",
            "states": list(entry.states),
            "kinds": list(entry.kinds),
            "form": entry.form,
        }
        for entry in notifications(settings(opened.context.store, opened.name))
    ]
    show(output, found, lambda: table(found, ["name", "url", "signed", "states", "kinds", "form"], "Nobody."))


@notify.command()
@click.argument("name")
@in_workspace
def remove(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Notify a webhook no more."""
    from aml_plugins.workspaces.notifications import remove_notification

    opened = open_workspace(store, workspace)
    remove_notification(opened.context.store, opened.name, name)
    show(output, {"name": name}, lambda: f"Removed '{name}'.")


@notify.command()
@click.argument("name")
@in_workspace
def test(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Send a trial event from this machine, and say whether it was taken."""
    import time

    from aml_plugins.store.records import TaskEvent
    from aml_plugins.tasks.courier import send_now
    from aml_plugins.workspaces.notifications import find_notification

    opened = open_workspace(store, workspace)
    wanted = find_notification(opened.context.store, opened.name, name)
    trial = TaskEvent(
        workspace=opened.name, task_id="trial", kind="trial", subject="trial", time=time.time(), message="It works."
    )
    trouble = send_now(wanted, trial)
    said = "took the event." if trouble is None else f"did not take the event: {trouble}."
    show(output, {"name": name, "taken": trouble is None, "trouble": trouble}, lambda: f"{wanted.place} {said}")
    if trouble is not None:
        raise SystemExit(REMOTE_REFUSED)
