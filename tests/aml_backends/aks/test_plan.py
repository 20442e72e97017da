"""What a target's settings and a run's wishes become in the cluster, without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aml_backends.aks.backend import AksBackend
from aml_plugins.compute import ComputeTarget, JobSpec
from aml_plugins.compute.targets import validate_config

TOLERATION = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}


def pod_of(tmp_path: Path, settings: dict[str, Any], **run: Any) -> dict[str, Any]:
    config = validate_config(AksBackend, "aks", settings)
    target = ComputeTarget(workspace="team", name="cluster", type="aks", config=config, home=tmp_path)
    spec = JobSpec(workspace="team", run_id="0" * 32, attempt=1, bundle={}, **run)
    pod: dict[str, Any] = AksBackend(target).plan(spec, "aml-1").request["job"]["spec"]["template"]["spec"]
    return pod


def test_where_pods_go_and_who_they_are(tmp_path: Path) -> None:
    pod = pod_of(
        tmp_path,
        {
            "node_selector": json.dumps({"pool": "gpu"}),
            "tolerations": json.dumps([TOLERATION]),
            "service_account": "trainer",
            "image_pull_secrets": ["registry"],
            "priority_class": "batch",
        },
    )
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"pool": "gpu"}, [TOLERATION])
    assert (pod["serviceAccountName"], pod["priorityClassName"]) == ("trainer", "batch")
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_any_resource_of_the_cluster_can_be_asked_for(tmp_path: Path) -> None:
    wished = {"cpu": 4, "memory": "16Gi", "gpu": 1, "extended": {"xilinx.com/fpga-xilinx_u250": "1"}}
    container = pod_of(tmp_path, {"gpu_resource": "amd.com/gpu"}, resources=wished)["containers"][0]
    amounts = {"cpu": "4", "memory": "16Gi", "amd.com/gpu": "1", "xilinx.com/fpga-xilinx_u250": "1"}
    assert container["resources"] == {"requests": amounts, "limits": amounts}


def test_every_node_knows_its_rank_and_the_first_one(tmp_path: Path) -> None:
    variables = {one["name"]: one for one in pod_of(tmp_path, {}, node_count=3)["containers"][0]["env"]}
    assert variables["AML_NODE_COUNT"]["value"] == "3"
    assert variables["AML_MASTER_ADDRESS"]["value"] == "aml-1-0.aml-1"
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert variables["AML_NODE_RANK"]["valueFrom"] == {"fieldRef": {"fieldPath": index}}
