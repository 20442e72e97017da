"""The environment variables a script sees."""

from __future__ import annotations

import os

from .processes import KEY_VARIABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .job import Job

__all__ = ["script_variables", "take_on"]

# Of the run, or of the Python, around the submitter: they are not this run's.
_NOT_INHERITED = ("AML_PARENT_RUN_ID", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME")


def take_on(variables: Mapping[str, str]) -> None:
    """Have these environment variables in this process, and no others."""
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def script_variables(
    job: Job, directory: str, python: str, script_api: str | None, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the variables of the script; what the job says wins over what the runner inherited.

    ``AZUREML_ARM_SUBSCRIPTION`` and ``AZUREML_ARM_RESOURCEGROUP`` stay away: with them, Microsoft's SDK would believe
    that it runs on Azure and wait for the network.
    """
    variables = {name: value for name, value in inherited.items() if name not in _NOT_INHERITED}
    variables.setdefault("PYTHONUNBUFFERED", "1")
    variables.update(job.variables)
    workspace = variables.get("AML_WORKSPACE", "default")
    variables.update(
        {
            KEY_VARIABLE: job.key,
            "AML_RUN_ID": job.run_id,
            "AML_EXPERIMENT": job.experiment,
            "AML_WORKSPACE": workspace,
            "AML_JOB_DIRECTORY": directory,
            "AML_RECORDS": os.path.join(directory, "records.jsonl"),
            "AZUREML_RUN_ID": job.run_id,
            "AZUREML_ARM_WORKSPACE_NAME": workspace,
            "AZUREML_ARM_PROJECT_NAME": job.experiment,
        }
    )
    if job.parent_run_id:
        variables["AML_PARENT_RUN_ID"] = job.parent_run_id
    if script_api:
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, [variables.get("PYTHONPATH"), script_api]))
    variables.update(_of_python(python, variables.get("PATH", os.defpath)))
    also = variables.pop("AML_PYTHON_VARIABLE", None)
    if also:  # a target's wish: Spark's workers on this machine shall run the script's own Python
        variables[also] = python
    return variables


def _of_python(python: str, path: str) -> dict[str, str]:
    """Make the commands of the script's Python the first that it finds, as activating its environment does."""
    binaries = os.path.dirname(python)
    prefix = os.path.dirname(binaries)
    found = {"PATH": path if path.split(os.pathsep, 1)[0] == binaries else binaries + os.pathsep + path}
    if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
        found["VIRTUAL_ENV"] = prefix
    elif os.path.isdir(os.path.join(prefix, "conda-meta")):
        found["CONDA_PREFIX"] = prefix
    return found
