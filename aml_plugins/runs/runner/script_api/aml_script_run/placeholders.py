"""Names of Azure ML's SDK that a script may import at its top and never use in a run: using one says what to do."""

from __future__ import annotations

from typing import Any

from .errors import AzureMLException, NoSuchAttributeException, NotAvailableException

DATA = "Name what the script reads and writes under 'data' in the run configuration; run.input_datasets has it then."
SUBMIT = "Submit runs with aml_plugins.Experiment outside the run."
TARGETS = "Attach compute targets with 'aml compute attach'."
SDK = "Install azureml-core in the run's environment if the script needs it."
INSTEAD: dict[str, str] = {
    "ComputeTarget": TARGETS,
    "Dataset": DATA,
    "Datastore": DATA,
    "Environment": "The run configuration says in which environment a script runs.",
    "Image": "Build images with aml_plugins outside the run.",
    "Keyvault": "Name secrets in the run configuration's environment variables as secret://STORE/NAME.",
    "Model": "Call run.register_model() in the script, or register the model from outside with aml_plugins.",
    "RunConfiguration": SUBMIT,
    "ScriptRun": SUBMIT,
    "ScriptRunConfig": SUBMIT,
    "Webservice": "Deploy services with aml_plugins outside the run.",
}
# What else azureml.core has: https://learn.microsoft.com/python/api/azureml-core/azureml.core
OTHERS = frozenset(
    {
        "ContainerRegistry",
        "LinkedService",
        "PrivateEndPoint",
        "PrivateEndPointConfig",
        "SynapseWorkspaceLinkedServiceConfiguration",
        "attach_legacy_compute_target",
        "diagnostic_log",
        "is_compute_target_prepared",
        "prepare_compute_target",
        "remove_legacy_compute_target",
    }
)


class Placeholder(type):
    """A class that can be imported, named in annotations and inherited from; what it lacks says what to do."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchAttributeException(f"{cls.__name__}.{name}", INSTEAD.get(cls.__name__, SDK))


class _Unusable(Placeholder):
    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise NotAvailableException(f"{cls.__name__}()", INSTEAD.get(cls.__name__, SDK))


def placeholder(name: str) -> Any:
    """Return what stands for Azure ML's ``name``; exceptions can be caught, as ever."""
    if name.endswith(("Exception", "Error")):
        return type(name, (AzureMLException,), {})
    return _Unusable(name, (), {"__doc__": INSTEAD.get(name, SDK)})


def attribute_of_core(name: str) -> Any:
    """Return ``azureml.core.NAME``.

    :raises AttributeError: for a name that Azure ML had not.
    """
    if name in INSTEAD or name in OTHERS:
        return placeholder(name)
    raise AttributeError(
        f"azureml.core of AML Plugins has no '{name}': inside a run it offers Run, Experiment and Workspace. "
        "Install azureml-core in the run's environment if the script needs more."
    )
