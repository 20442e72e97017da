"""``aml plugins check``: what can be told about a plugin without running it."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aml_plugins.errors import AmlError, MissingExtraError
from aml_plugins.plugins.descriptions import Table, kind_of
from aml_plugins.plugins.values import Candidate

__all__ = ["NotChecked", "check_plugin"]

HEAVY = ("airflow", "azure", "boto3", "kubernetes", "mlflow", "numpy", "pandas", "sqlalchemy", "torch")
"""Packages that cost a plugin's users seconds, or that they need not have."""

_SECONDS = 60
_LOOK = """
import importlib, json, sys
import aml_plugins.hookspecs
before = set(sys.modules)
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


class NotChecked(str):
    """What could not be looked at, because its extra is not installed here: no problem of the plugin."""

    __slots__ = ()


def check_plugin(
    load: Callable[[str, str], object], candidate: Candidate, provided: Iterable[tuple[Table, str]]
) -> Iterator[str]:
    """Yield what is wrong: heavy imports, factories that do not import, classes that miss their contract.

    :param load: imports what a hook's description of this name points at.
    """
    module = candidate.entry_point.partition(":")[0].partition("[")[0].strip()
    if module:
        yield from _heavy_imports(module)
    for table, name in provided:
        what = f"the {kind_of(table.hook)} '{name}'"
        try:
            loaded = load(table.hook, name)
        except MissingExtraError as error:
            yield NotChecked(f"{what} is not checked. {error.fix}")
        except AmlError as error:
            yield f"{what} cannot be loaded: {error}"
        else:
            yield from (f"{what} {wrong}" for wrong in _broken_contract(table.hook, name, loaded))


def _heavy_imports(module: str) -> Iterator[str]:
    """Import the plugin's module in a fresh interpreter: in this one, everything may be imported already."""
    command = [sys.executable, "-c", _LOOK, module]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        yield f"importing {module} takes longer than {_SECONDS} s."
        return
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        yield f"importing {module} in a fresh interpreter ended with {last}"
        return
    imported = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = sorted(imported.intersection(HEAVY))
    if heavy:
        yield f"importing {module} imports {', '.join(heavy)}; import them where they are used."


def _broken_contract(hook: str, name: str, loaded: object) -> Iterator[str]:
    contract = _contract_of(hook)
    if contract is None:
        return
    if hook == "aml_commands":
        if not isinstance(loaded, contract):
            yield f"is a {type(loaded).__name__}, not a click command or group."
        return
    if not (inspect.isclass(loaded) and issubclass(loaded, contract)):
        yield f"is no subclass of {contract.__module__}.{contract.__name__}."
        return
    missing = sorted(getattr(loaded, "__abstractmethods__", ()))
    if missing:
        yield f"lacks {', '.join(missing)}."
    if getattr(loaded, "type_name", None) != name:
        yield f"calls itself {getattr(loaded, 'type_name', None)!r} in type_name."
    if not _is_config(getattr(loaded, "config_model", None), contract.config_model):
        yield f"has a config_model that is no subclass of {contract.config_model.__name__}."


def _is_config(found: object, wanted: type) -> bool:
    return inspect.isclass(found) and issubclass(found, wanted)


def _contract_of(hook: str) -> Any:
    """Return the class that a hook's factories must be of; hooks without a contract yet have none."""
    if hook == "aml_compute_target_types":
        from aml_plugins.compute import ComputeBackend  # noqa: PLC0415  pydantic, for the types that are checked only

        return ComputeBackend
    if hook == "aml_datastore_types":
        from aml_plugins.datastores import Datastore  # noqa: PLC0415  see above

        return Datastore
    if hook == "aml_secret_store_types":
        from aml_plugins.secrets import SecretStore  # noqa: PLC0415  see above

        return SecretStore
    if hook == "aml_telemetry_exporter_types":
        from aml_plugins.telemetry import TelemetryExporter  # noqa: PLC0415  see above

        return TelemetryExporter
    if hook == "aml_commands":
        import click  # noqa: PLC0415  see above

        return click.Command
    return None
