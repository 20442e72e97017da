"""A run as Kubernetes objects, as pure values: a Job, the Secret of its variables, a Service where it has many nodes.

Sources: the Kubernetes API reference of ``batch/v1`` Job, and its pages on pod failure policies and indexed jobs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from aml_backends.aks.config import AksConfig
from aml_backends.aks.creation import SPOT_TOLERATION
from aml_plugins.compute import JobSpec
from aml_plugins.compute.courier import courier_loader

__all__ = ["HIDDEN", "LABEL", "job_body", "secret_body", "service_body"]

HIDDEN = "***"
LABEL = "aml-plugins/job"
_MANAGED = {"app.kubernetes.io/managed-by": "aml-plugins"}
_DIRECTORY = "/aml/job"
_PREPARATION_SECONDS = 3600
_GRACE_SECONDS = 90
"""Between SIGTERM and SIGKILL: the script's own grace, and time to send its results."""


def job_body(spec: JobSpec, config: AksConfig, key: str) -> dict[str, Any]:
    """Return the Job. Its name is the key, so that it can exist once only."""
    body: dict[str, Any] = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": key, "labels": _labels(key), "annotations": _annotations(spec)},
        "spec": {
            "backoffLimit": config.eviction_retries,
            "completions": spec.node_count,
            "parallelism": spec.node_count,
            "completionMode": "Indexed",
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": _failure_rules()},
            "ttlSecondsAfterFinished": config.ttl_seconds,
            "template": {"metadata": {"labels": _labels(key)}, "spec": _pod(spec, config, key)},
        },
    }
    if spec.time_limit_seconds is not None:  # the runner keeps it; this is for a node that the runner is lost with
        body["spec"]["activeDeadlineSeconds"] = int(spec.time_limit_seconds) + _PREPARATION_SECONDS
    return body


def secret_body(key: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the Secret with the script's variables and the courier's orders."""
    data = {name: base64.b64encode(value.encode()).decode() for name, value in variables.items()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": key, "labels": _labels(key)},
        "type": "Opaque",
        "data": data,
    }


def service_body(key: str) -> dict[str, Any]:
    """Return the headless Service that gives the pods of a job with many nodes names that they find each other by."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": key, "labels": _labels(key)},
        "spec": {"clusterIP": "None", "selector": {LABEL: key}, "publishNotReadyAddresses": True},
    }


def _labels(key: str) -> dict[str, str]:
    return {**_MANAGED, LABEL: key}


def _annotations(spec: JobSpec) -> dict[str, str]:
    """For people who look with kubectl; labels would not take every name."""
    facts = {**spec.display, "run-id": spec.run_id}
    return {f"aml-plugins/{name}": str(value) for name, value in sorted(facts.items())}


def _failure_rules() -> list[dict[str, Any]]:
    """A pod that the cluster takes away is started again and not counted; a script that fails has failed."""
    return [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}},
    ]


def _pod(spec: JobSpec, config: AksConfig, key: str) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "containers": [_container(spec, config, key)],
        "volumes": [{"name": "job", "emptyDir": {}}],
    }
    if spec.node_count > 1:
        pod["subdomain"] = key
    if config.ca_bundle:
        pod["volumes"].append({"name": "ca", "configMap": {"name": config.ca_bundle}})
    optional = {
        "nodeSelector": dict(config.node_selector),
        "tolerations": _tolerations(config),
        "serviceAccountName": config.service_account,
        "imagePullSecrets": [{"name": name} for name in config.image_pull_secrets],
        "priorityClassName": config.priority_class,
    }
    return pod | {name: value for name, value in optional.items() if value}


def _tolerations(config: AksConfig) -> list[dict[str, Any]]:
    given = [dict(toleration) for toleration in config.tolerations]
    return [*given, dict(SPOT_TOLERATION)] if config.create is not None and config.create.spot else given


def _container(spec: JobSpec, config: AksConfig, key: str) -> dict[str, Any]:
    image = spec.environment.get("image") if spec.environment.get("kind") == "docker" else None
    container: dict[str, Any] = {
        "name": "job",
        "image": str(image or config.image),
        "command": courier_loader(config.python, _DIRECTORY),
        "env": _environment(spec, config, key),
        "envFrom": [{"secretRef": {"name": key}}],
        "volumeMounts": [{"name": "job", "mountPath": "/aml"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if config.ca_bundle:
        container["volumeMounts"].append({"name": "ca", "mountPath": "/aml-ca", "readOnly": True})
    amounts = _amounts(spec, config)
    if amounts:
        container["resources"] = {"requests": amounts, "limits": amounts}
    return container


def _environment(spec: JobSpec, config: AksConfig, key: str) -> list[dict[str, Any]]:
    """What MPI and PyTorch want to know of the other nodes, by names that are the same on every target."""
    variables = {"AML_JOB_KEY": key, "AML_NODE_COUNT": str(spec.node_count)}
    if spec.node_count > 1:
        variables["AML_MASTER_ADDRESS"] = f"{key}-0.{key}"
    index = {"fieldRef": {"fieldPath": "metadata.annotations['batch.kubernetes.io/job-completion-index']"}}
    if config.ca_bundle:
        variables |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"), "/aml-ca/ca.crt")
    plain: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in sorted(variables.items())]
    return [*plain, {"name": "AML_NODE_RANK", "valueFrom": index}]


def _amounts(spec: JobSpec, config: AksConfig) -> dict[str, str]:
    """Return requests, which are limits, too: only so may extended resources be asked for (Kubernetes' rule)."""
    asked: Mapping[str, Any] = spec.resources
    amounts = {"cpu": asked.get("cpu") or config.cpu, "memory": asked.get("memory") or config.memory}
    if asked.get("gpu"):
        amounts[config.gpu_resource] = asked["gpu"]
    extended: Mapping[str, Any] = asked.get("extended") or {}
    return {name: f"{amount}" for name, amount in {**amounts, **extended}.items() if amount is not None}
