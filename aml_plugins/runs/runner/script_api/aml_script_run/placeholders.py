"""Classes of Azure ML's SDK that a script may import at its top and never use in a run: using one says what to do."""

from __future__ import annotations

from typing import Any

from .errors import NotAvailableException

INSTEAD: dict[str, str] = {
    "ComputeTarget": "Attach compute targets with 'aml compute attach'.",
    "Dataset": "Give the script the data's path as an argument, or read it from a datastore with fsspec.",
    "Datastore": "Give the script the data's path as an argument, or read it from a datastore with fsspec.",
    "Environment": "The run configuration says in which environment a script runs.",
    "Image": "Build images with aml_plugins outside the run.",
    "Keyvault": "Name secrets in the run configuration's environment variables as secret://STORE/NAME.",
    "Model": "Call run.register_model() in the script, or register the model from outside with aml_plugins.",
    "RunConfiguration": "Submit runs with aml_plugins.Experiment outside the run.",
    "ScriptRun": "Submit runs with aml_plugins.Experiment outside the run.",
    "ScriptRunConfig": "Submit runs with aml_plugins.Experiment outside the run.",
    "Webservice": "Deploy services with aml_plugins outside the run.",
}


class _Placeholder(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotAvailableException(f"{cls.__name__}.{name}", INSTEAD[cls.__name__])

    def __call__(cls, *_: Any, **__: Any) -> Any:
        raise NotAvailableException(f"{cls.__name__}()", INSTEAD[cls.__name__])


def placeholder(name: str) -> Any:
    """Return the class that stands for Azure ML's ``name``.

    :raises ImportError: for a name that Azure ML had not, or that no script in a run needs.
    """
    if name not in INSTEAD:
        raise ImportError(
            f"azureml.core of AML Plugins has no '{name}': inside a run it offers Run, Experiment and Workspace. "
            "Install azureml-core in the run's environment if the script needs more."
        )
    return _Placeholder(name, (), {"__doc__": INSTEAD[name]})
