"""The other modules of azureml-core: scripts import from them at the top, and seldom use in a run what they got."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import Any

from .placeholders import placeholder

# Of azureml-core 1.61. What other distributions bring (azureml.train, azureml.widgets ...) is missing, as it was there.
CORE = (
    "authentication compute compute_target conda_dependencies container_registry databricks image keyvault "
    "linked_service private_endpoint profile resource_configuration runconfig script_run script_run_config util "
    "webservice"
)
DATA = (
    "abstract_dataset abstract_datastore azure_data_lake_datastore azure_storage_datastore constants data_reference "
    "datapath dataset_consumption_config dataset_type_definitions output_dataset_config"
)
NAMES = frozenset([f"azureml.core.{name}" for name in CORE.split()] + [f"azureml.data.{name}" for name in DATA.split()])


class StandIns:
    """Finds them, and what is below them, where nobody else does."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if ".".join(name.split(".")[:3]) in NAMES:
            return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]  # a loader, as far as needed
        return None

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        def stand_in(name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            found = placeholder(name)
            setattr(module, name, found)
            return found

        module.__getattr__ = stand_in


def install() -> None:
    """Let them be found, last of all."""
    if not any(isinstance(finder, StandIns) for finder in sys.meta_path):
        sys.meta_path.append(StandIns())
