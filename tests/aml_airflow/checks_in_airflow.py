"""Run inside an Airflow installation: what Airflow asks of a provider's operators, sensors and triggers.

Prints one JSON object; see ``test_serialization.py``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import warnings
from typing import Any

from airflow.exceptions import RemovedInAirflow4Warning
from airflow.models.trigger import Trigger
from airflow.sdk import DAG, BaseOperator
from airflow.triggers.base import BaseTrigger
from airflow.utils.deprecation_tools import DeprecatedImportWarning

from aml_airflow.get_provider_info import get_provider_info

try:
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:  # before Airflow 3.2
    from airflow.serialization.serialized_objects import SerializedDAG as DagSerialization

ARGUMENTS: dict[str, Any] = {
    "source_directory": "/srv/project",
    "run_id": "0" * 32,
    "aml_task_id": "image-1",
    "model_name": "iris",
    "image_name": "iris",
    "models": ["iris:1"],
    "entry_script": "score.py",
    "service_name": "iris",
    "image": "iris:1",
    "compute_name": "pool",
    "compute_type": "azure-batch",
    "local_path": "/srv/data",
    "path": "data/",
}
"""What the constructors want."""


def main() -> None:
    """Check everything that the provider's description names."""
    for category in (RemovedInAirflow4Warning, DeprecatedImportWarning):
        warnings.simplefilter("error", category)
    info = get_provider_info()
    operators = [found for kind in ("operators", "sensors") for found in classes(info[kind], BaseOperator)]
    triggers = classes(info["triggers"], BaseTrigger)
    with DAG("checked", schedule=None) as dag:
        tasks = [made(kind, task_id=kind.__name__) for kind in operators]
    again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    json.dump(
        {
            "operators": {task.task_id: operator(task, again) for task in tasks},
            "triggers": {kind.__name__: trigger(kind) for kind in triggers},
        },
        sys.stdout,
    )


def classes(entries: list[dict[str, Any]], base: type) -> list[type]:
    names = [name for entry in entries for name in entry["python-modules"]]
    modules = [importlib.import_module(name) for name in names]
    return [
        getattr(module, name)
        for module in modules
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) and issubclass(getattr(module, name), base)
    ]


def made(kind: type, **more: Any) -> Any:
    known = parameters(kind)
    return kind(**{name: value for name, value in ARGUMENTS.items() if name in known and wanted(kind, name)}, **more)


def parameters(kind: type) -> dict[str, inspect.Parameter]:
    """Return what the constructors of ours take by name."""
    found: dict[str, inspect.Parameter] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("aml_airflow.") and "__init__" in vars(base):
            found |= dict(inspect.signature(base.__init__).parameters)
    return {name: one for name, one in found.items() if one.kind is one.KEYWORD_ONLY}


def wanted(kind: type, name: str) -> bool:
    return parameters(kind)[name].default is inspect.Parameter.empty


def operator(task: BaseOperator, again: Any) -> dict[str, Any]:
    serialized = again.get_task(task.task_id)
    own = set(parameters(type(task)))
    return {
        "same": all(plain(getattr(serialized, name)) == plain(getattr(task, name)) for name in task.template_fields),
        "attributes": sorted(name for name in own if not hasattr(task, name)),
        "address": [name for name in ("aml_conn_id", "workspace") if name not in task.template_fields],
        "links": [link.name for link in serialized.operator_extra_links],
    }


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def trigger(kind: type) -> dict[str, Any]:
    """Send a trigger with nothing but unusual values through Airflow's database, and make it again."""
    given = {name: unusual(one) for name, one in parameters(kind).items()}
    classpath, arguments = kind(**given).serialize()
    stored = Trigger._decrypt_kwargs(Trigger.encrypt_kwargs(arguments))
    module, _, name = classpath.rpartition(".")
    again = getattr(importlib.import_module(module), name)(**stored)
    return {
        "forgotten": sorted(set(given) - set(arguments)),
        "same": again.serialize() == (classpath, arguments) and all(arguments[key] == given[key] for key in given),
        "bytes": len(json.dumps(arguments)),
    }


def unusual(parameter: inspect.Parameter) -> Any:
    if parameter.name == "tags":
        return {"stage": "production"}
    if isinstance(parameter.default, bool):
        return not parameter.default
    return 7 if isinstance(parameter.default, int | float) else f"a {parameter.name}"


if __name__ == "__main__":
    main()
