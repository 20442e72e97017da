"""``aml service``."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import click

from aml_plugins.cli.following import left_to_a_monitor
from aml_plugins.cli.image import find_built_image
from aml_plugins.cli.options import in_workspace, open_workspace, settings_option
from aml_plugins.cli.output import facts, show, table

_WAIT = click.option("--wait/--no-wait", default=True, show_default=True, help="Return once it is done.")
_OPTIONS = {
    "image": "--image", "replicas": "--replicas", "target": "--target", "timeout_seconds": "--timeout",
    "traffic": "--traffic", "wait": "--wait",
}  # fmt: skip
"""What is an option of its own, and what Python calls it: --set is for settings of the type."""


@click.group()
def service() -> None:
    """Deploy, call, update and delete web services."""


@service.command()
@click.argument("name")
@click.option(
    "--image",
    "image_name",
    required=True,
    metavar="NAME[:VERSION]",
    help="The image; the newest that was built by default.",
)
@click.option("--target", default="local", show_default=True, help="A compute target, or a service type.")
@click.option("--replicas", default=1, show_default=True, help="How many processes or containers answer.")
@settings_option
@click.option("--timeout", default=300.0, show_default=True, help="Seconds that it may take until it is ready.")
@_WAIT
@in_workspace
def deploy(
    name: str, image_name: str, target: str, replicas: int, settings: dict[str, Any], timeout: float, wait: bool,
    store: str | None, workspace: str | None, output: str,
) -> None:  # fmt: skip
    """Deploy an image as a web service: aml service deploy iris --image iris-svc."""
    of_type = _of_type(settings)
    image = find_built_image(open_workspace(store, workspace), image_name)
    made = image.deploy(name, target=target, replicas=replicas, timeout_seconds=timeout, **of_type)
    if wait:
        _wait(made, output)
    show(output, made.to_json(), lambda: f"Service '{name}': {made.record.state}{_place(made)}")


def _place(made: Any) -> str:
    """Return where it answers; a module of a device has no address that is known here."""
    if made.scoring_uri:
        return f", {made.scoring_uri}"
    return "" if made.record.deployments and made.record.state == "Healthy" else ", on its way"


@service.command("list")
@in_workspace
def list_(store: str | None, workspace: str | None, output: str) -> None:
    """List services."""
    from aml_plugins.services.service import Service

    rows = [one.to_json() for one in Service.list(open_workspace(store, workspace))]
    shown = [{**row, "image": ", ".join(one["image"] for one in row["versions"])} for row in rows]
    show(output, rows, lambda: table(shown, ["name", "type", "state", "image", "scoring_uri"], "No service."))


@service.command("show")
@click.argument("name")
@in_workspace
def show_(name: str, store: str | None, workspace: str | None, output: str) -> None:
    """Show a service: its state, where it is, which versions serve."""
    value = _service(store, workspace, name).to_json()
    show(output, value, lambda: facts(value))


@service.command()
@click.argument("name")
@click.option(
    "--image", "image_name", metavar="NAME[:VERSION]", help="The image to run; the newest that was built by default."
)
@click.option("--traffic", type=int, help="The share of requests, in percent, that the image gets; default: all.")
@settings_option
@_WAIT
@in_workspace
def update(
    name: str, image_name: str | None, traffic: int | None, settings: dict[str, Any], wait: bool,
    store: str | None, workspace: str | None, output: str,
) -> None:  # fmt: skip
    """Change a service without dropping a request; what serves now serves until the new version is ready."""
    of_type = _of_type(settings)
    found = _service(store, workspace, name)
    image = find_built_image(found.workspace, image_name) if image_name else None
    found.update(image=image, traffic=traffic, **of_type)
    if wait:
        _wait(found, output)
    show(output, found.to_json(), lambda: f"Service '{name}': {found.record.state}")


@service.command()
@click.argument("name")
@click.argument("replicas", type=int)
@_WAIT
@in_workspace
def scale(name: str, replicas: int, wait: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Change how many processes or containers answer, of the newest version where two share the requests."""
    found = _service(store, workspace, name)
    found.scale(replicas)
    if wait:
        _wait(found, output)
    show(output, found.to_json(), lambda: f"Service '{name}' has {replicas} replicas.")


@service.command()
@click.argument("name")
@click.option("--regenerate", type=click.Choice(["primary", "secondary"]), help="Make this key anew.")
@in_workspace
def keys(name: str, regenerate: str | None, store: str | None, workspace: str | None, output: str) -> None:
    """Print the two keys of a service; either lets callers in."""
    found = _service(store, workspace, name).keys(regenerate=regenerate)
    value = {"primary": found.primary, "secondary": found.secondary}
    show(output, value, lambda: facts(value))


@service.command()
@click.argument("name")
@click.option("--lines", default=200, show_default=True, help="How many lines of each version.")
@in_workspace
def logs(name: str, lines: int, store: str | None, workspace: str | None, output: str) -> None:
    """Print the last lines of what a service wrote."""
    text = _service(store, workspace, name).get_logs(lines)
    show(output, {"log": text}, text.rstrip)


@service.command()
@click.argument("name")
@click.argument("data", required=False)
@click.option("--file", type=click.File("rb"), help="Send this file; - is standard input.")
@in_workspace
def test(name: str, data: str | None, file: Any, store: str | None, workspace: str | None, output: str) -> None:
    """Call a service: aml service test iris '{"data": [[5.1, 3.5, 1.4, 0.2]]}'."""
    import json

    answer = _service(store, workspace, name).run(file.read() if file else data or "")
    show(output, answer, lambda: answer if isinstance(answer, str) else json.dumps(answer))


@service.command()
@click.argument("name")
@_WAIT
@in_workspace
def delete(name: str, wait: bool, store: str | None, workspace: str | None, output: str) -> None:
    """Delete a service and everything that was started for it."""
    found = _service(store, workspace, name)
    with _left(found):
        found.delete(wait=wait)
    said = f"Deleted service '{name}'." if wait else f"Service '{name}' is being deleted."
    show(output, {"name": name}, lambda: said)


def _wait(service: Any, output: str) -> None:
    with _left(service):
        service.wait_for_deployment(show_output=output == "text")


def _left(service: Any) -> AbstractContextManager[None]:
    parting = f"it goes on. To end it: aml service delete {service.name}"
    return left_to_a_monitor(service.workspace, lambda: parting)


def _of_type(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings; those that Python's calls would take for something else are refused."""
    for name in settings:
        if name in _OPTIONS:
            raise click.UsageError(f"'{name}' is no setting of a type. Write {_OPTIONS[name]}.")
        if name in {"name", "tags"}:
            raise click.UsageError(f"'{name}' is no setting of a type.")
    return settings


def _service(store: str | None, workspace: str | None, name: str) -> Any:
    from aml_plugins.services.service import Service

    return Service.get(open_workspace(store, workspace), name)
