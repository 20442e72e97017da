"""``mlflow deployments … -t aml:/TARGET``: MLflow's deployments are services of the workspace.

MLflow loads this module (entry point group ``mlflow.deployments``) and looks here for ``target_help``, ``run_local``
and the one client class. ``models.py`` makes an image of what a model URI names, ``settings.py`` reads ``-C``.
"""

from __future__ import annotations

from aml_plugins.mlflow_deployments.client import AmlDeployments
from aml_plugins.mlflow_deployments.help import target_help
from aml_plugins.mlflow_deployments.running import run_local

__all__ = ["AmlDeployments", "run_local", "target_help"]
