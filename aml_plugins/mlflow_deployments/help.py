"""What ``mlflow deployments help -t aml`` prints."""

from __future__ import annotations

__all__ = ["target_help"]

_HELP = """\
Targets: aml:/TARGET, where TARGET is an attached compute target or a service type: aml:/local, aml:/docker.
A deployment is a service of the workspace, so that `aml service` and the console show it, too. The store and the
workspace are found as `aml` finds them: AML_STORE_URI, MLFLOW_TRACKING_URI, .aml/config.yaml; AML_WORKSPACE.

  mlflow deployments create -t aml:/local -m models:/iris/3 --name iris -C replicas=2 -C auth=true
  mlflow deployments update -t aml:/local -m models:/iris/4 --name iris -C traffic=10
  mlflow deployments predict -t aml:/local --name iris -I rows.json

A model that is not registered (a path, runs:/ID/model) is registered under the deployment's name.

Settings, -C NAME=VALUE:
  replicas, timeout_seconds    as of `aml service deploy`
  traffic                      update: the share of requests, in percent, that the new model gets
  async                        true: do not wait until it serves
  builder, base_image          as of `aml image create`
  registry.NAME                where the image is pushed: registry.type, registry.address, registry.password, ...
  variables.NAME               a variable of the service
  anything else                a setting of the target's service type; `aml service deploy --help` shows where to look
"""


def target_help() -> str:
    """Return what the target takes."""
    return _HELP
