"""``aml doctor``: try everything that runs depend on, and say what to do about what fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from aml_plugins.cli.options import in_workspace, open_workspace
from aml_plugins.cli.output import show
from aml_plugins.errors import AmlError
from aml_plugins.store.opening import shown_uri

if TYPE_CHECKING:
    from aml_plugins.workspace import Workspace

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check saw."""

    check: str
    healthy: bool
    message: str


@click.command()
@in_workspace
def doctor(store: str | None, workspace: str | None, output: str) -> None:
    """Try everything that runs depend on."""
    findings = list(_findings(store, workspace))
    lines = [f"{'ok     ' if found.healthy else 'PROBLEM'}  {found.check}: {found.message}" for found in findings]
    show(output, [asdict(found) for found in findings], lambda: "\n".join(lines))
    if not all(found.healthy for found in findings):
        raise SystemExit(1)


def _findings(store: str | None, workspace: str | None) -> Iterator[Finding]:
    try:
        opened = open_workspace(store, workspace)
    except AmlError as error:
        yield Finding("store", False, str(error))
        return
    yield Finding("store", True, f"{shown_uri(opened.context.store.uri)}, workspace '{opened.name}'")
    yield from _plugins(opened)
    yield _try("disk", lambda: _disk(opened))
    yield from _resources(opened)
    for name in sorted(opened.compute_targets):
        yield _try(f"compute target {name}", partial(_target, opened, name))
    yield _try("MLflow", lambda: _mlflow(opened))


def _plugins(opened: Workspace) -> Iterator[Finding]:
    for plugin in opened.context.plugins.describe():
        problems = " ".join(map(str, plugin.problems))
        yield Finding(f"plugin {plugin.name}", not problems, problems or f"{plugin.distribution} {plugin.version}")


def _disk(opened: Workspace) -> str:
    opened.context.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(opened.context.home).free
    if free < GIB:
        raise AmlError(f"Only {free >> 20} MiB are free below '{opened.context.home}'.", "Free some space.")
    return f"{free / GIB:.0f} GiB free below '{opened.context.home}'"


def _resources(opened: Workspace) -> Iterator[Finding]:
    """Try what the workspace's runs work with, each by itself."""
    for name in opened.datastores:
        yield _try(f"datastore {name}", partial(_datastore, opened, name))
    yield _try("container registry", lambda: _registry(opened))
    for name in sorted(opened.secret_stores):
        yield _try(f"secret store {name}", partial(_secret_store, opened, name))
    yield _try("telemetry", lambda: _telemetry(opened))


def _datastore(opened: Workspace, name: str) -> str:
    return opened.datastores[name].check()


def _registry(opened: Workspace) -> str:
    from aml_plugins.images.registry.workspace import check_registry

    return check_registry(opened.context, opened.name)


def _secret_store(opened: Workspace, name: str) -> str:
    from aml_plugins.secrets.stores import open_secret_store

    return open_secret_store(opened.context, opened.name, name).check()


def _telemetry(opened: Workspace) -> str:
    from aml_plugins.telemetry.opening import open_exporter

    exporter = open_exporter(opened.context, opened.name)
    return exporter.check() if exporter else "off"


def _target(opened: Workspace, name: str) -> str:
    return opened.context.backends.get(opened.name, name).check()


def _mlflow(opened: Workspace) -> str:
    import mlflow

    opened.context.history(opened.name).models()
    return f"version {mlflow.__version__} answers"


def _try(check: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(check, True, ask())
    except Exception as error:  # noqa: BLE001  whatever is wrong is what the doctor is there to say
        return Finding(check, False, str(error))
