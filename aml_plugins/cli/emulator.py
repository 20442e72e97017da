"""``aml emulator``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from aml_plugins.testing.azure_emulator import AzureEmulator


@click.group()
def emulator() -> None:
    """Start stand-ins for services that cost money or need an account."""


@emulator.command()
@click.argument("service", type=click.Choice(["azure"]))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port for http; any free one by default.")
@click.option("--https-port", type=click.IntRange(0, 65535), default=0, help="Port for https, likewise.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where nodes have their disks; kept at the end.")
@click.option(
    "--kubeconfig", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of a Kubernetes cluster that stands for every AKS cluster.",
)  # fmt: skip
@click.option(
    "--registry", metavar="HOST:PORT",
    help="A registry program for the container registry's images; AML_EMULATOR_REGISTRY=USER:PASSWORD is let in.",
)  # fmt: skip
@click.option(
    "--fault", "faults", multiple=True, metavar="KIND,…",
    help="What goes wrong: KIND[,verb=POST][,path=/jobs][,count=3][,seconds=2].",
)  # fmt: skip
@click.option("--no-authentication", is_flag=True, help="Take requests without signature or token: recorded traffic.")
@click.option("--validate", is_flag=True, help="Check all traffic against Microsoft's specifications.")
@click.option(
    "--spelling", type=click.Choice(["recorded", "specification"]), default="recorded", show_default=True,
    help="Words as the real service was seen to write them, or as its specification does.",
)  # fmt: skip
@click.option("--output", "-o", type=click.Choice(["text", "json"]), default="text", help="Form of the output.")
def start(service: str, output: str, **options: Any) -> None:
    """Run a small Azure on this machine until Ctrl-C: Batch, container instances, the resource manager, tokens."""
    del service
    _started(output, options)


def _started(output: str, options: dict[str, Any]) -> None:
    import signal
    import sys
    import threading

    from aml_plugins.errors import MissingExtraError

    try:
        from aml_plugins.testing.azure_emulator import AzureEmulator, Fault, Settings
    except ImportError:
        raise MissingExtraError("The emulator", "testing") from None
    settings = Settings(
        directory=options["directory"],
        kubeconfig=options["kubeconfig"],
        registry=options["registry"],
        registry_login=_registry_login(),
        check_credentials=not options["no_authentication"],
        validate=options["validate"],
        spelling=options["spelling"],
    )
    faults = [Fault.parse(text) for text in options["faults"]]
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with AzureEmulator(settings, port=options["port"], https_port=options["https_port"], faults=faults) as running:
        _say(output, running)
        sys.stdout.flush()
        over.wait()
        for violation in running.violations:
            click.echo(violation, err=True)


def _registry_login() -> tuple[str, str] | None:
    import os

    user, _, password = os.environ.get("AML_EMULATOR_REGISTRY", "").partition(":")
    return (user, password) if user else None


def _say(output: str, running: AzureEmulator) -> None:
    from aml_plugins.cli.output import facts, show

    settings = running.settings
    value = {
        "batch": running.batch_url,
        "batch_account": settings.account,
        "batch_key": settings.key,
        "resource_manager": running.https_url,
        "login": running.https_url,
        "certificate": str(running.certificate),
        "subscription": settings.subscription,
        "tenant": settings.tenant,
        "control": f"{running.url}/_emulator",
        **({"registry": running.https_url, "registry_user": settings.registry_admin[0]} if settings.registry else {}),
    }
    show(output, value, lambda: facts(value))
