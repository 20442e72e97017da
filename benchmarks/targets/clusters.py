"""A run on Kubernetes, through spark-submit and through Livy, against the bare tool."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from printed import SCRIPT, Contender, default_datastore, ours, printed, until
from services.azurite import find_program, running_azurite
from services.container_image import python_image
from services.forwarding import forwarded
from services.kubernetes import IMAGE, find_programs, running_kubernetes
from services.livy import find_livy, running_livy
from services.spark_connect import find_spark

from aml_plugins import Workspace

__all__ = ["kubernetes_contenders", "livy_contenders", "spark_contenders"]


@contextmanager
def kubernetes_contenders(scratch: Path) -> Iterator[dict[str, Contender]]:
    programs, azurite_program = find_programs(), find_program()
    assert programs is not None, "Kubernetes is missing. Run: tools/kubernetes install"
    assert azurite_program is not None, "Azurite is missing. Run: tools/azurite install"
    with (
        tempfile.TemporaryDirectory(prefix="aml-k8s-", ignore_cleanup_errors=True) as directory,
        running_kubernetes(programs, Path(directory), with_services=True) as cluster,
        running_azurite(azurite_program) as azurite,
        forwarded(cluster.address, urlsplit(azurite.url).port or 0) as port,
    ):
        (scratch / "image").mkdir()
        cluster.import_image(python_image(scratch / "image", IMAGE))
        os.environ["STORAGE_KEY"] = azurite.key
        workspace = Workspace.create("kubernetes")
        default_datastore(
            workspace,
            account_url=f"http://{cluster.address}:{port}/{azurite.account}",
            container=azurite.create_container(),
            account_key="secret://env/STORAGE_KEY",
        )
        workspace.attach_compute("aks", "cluster", kubeconfig=str(cluster.kubeconfig), image=IMAGE)
        yield {
            "kubernetes client alone: a Job, its log": printed(lambda: _bare_job(str(cluster.kubeconfig))),
            "AML Plugins, the whole run": ours(workspace, "cluster", scratch),
        }
        workspace.close()


def _bare_job(kubeconfig: str) -> str:
    from kubernetes import client, config

    name = f"bare-{uuid.uuid4().hex[:12]}"
    container = {"name": "run", "image": IMAGE, "command": ["python3", "-c", SCRIPT], "imagePullPolicy": "IfNotPresent"}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    body = {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}}
    api = config.new_client_from_config(kubeconfig)
    batch, core = client.BatchV1Api(api), client.CoreV1Api(api)
    batch.create_namespaced_job("default", body)
    until(lambda: bool(batch.read_namespaced_job_status(name, "default").status.succeeded))
    pod = core.list_namespaced_pod("default", label_selector=f"job-name={name}").items[0].metadata.name
    log = str(core.read_namespaced_pod_log(pod, "default"))
    batch.delete_namespaced_job(name, "default", propagation_policy="Background")
    return log


@contextmanager
def spark_contenders(scratch: Path) -> Iterator[dict[str, Contender]]:
    home = find_spark("spark")
    assert home is not None, "Spark is missing. Run: tools/spark install"
    python = home.parents[3] / "bin" / "python"
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1"}
    (scratch / "noop.py").write_text(SCRIPT)
    pythons = [f"spark.pyspark.{which}={python}" for which in ("python", "driver.python")]
    command = [str(home / "bin" / "spark-submit"), "--master", "local[2]"]
    command += [part for setting in pythons for part in ("--conf", setting)]
    workspace = Workspace.create("spark")
    workspace.attach_compute("spark", "here", spark_home=str(home), python=str(python), master="local[2]")
    yield {
        "spark-submit noop.py": printed(
            lambda: (
                subprocess.run([*command, str(scratch / "noop.py")], capture_output=True, text=True, check=True).stdout
            )
        ),
        "AML Plugins, the whole run": ours(workspace, "here", scratch),
    }
    workspace.close()


@contextmanager
def livy_contenders(scratch: Path) -> Iterator[dict[str, Contender]]:
    programs = find_livy()
    assert programs is not None, "Livy is missing. Run: tools/livy install"
    with running_livy(programs, scratch / "livy") as livy:
        script = livy.shared / "noop.py"
        script.write_text(SCRIPT)
        workspace = Workspace.create("livy")
        workspace.attach_compute("hdinsight", "cluster", url=livy.url, staging=f"file://{livy.shared}/staging")
        yield {
            "Livy's REST API alone: a batch, its log": printed(lambda: _bare_batch(livy.url, script)),
            "AML Plugins, the whole run": ours(workspace, "cluster", scratch),
        }
        workspace.close()


def _bare_batch(url: str, script: Path) -> str:
    headers = {"content-type": "application/json", "x-requested-by": "me"}

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = urllib3.request(method, url + path, body=json.dumps(body) if body else None, headers=headers)
        return answer.json()

    number = ask("POST", "/batches", {"file": str(script)})["id"]
    until(lambda: ask("GET", f"/batches/{number}/state")["state"] in {"success", "dead", "error", "killed"})
    log = "\n".join(ask("GET", f"/batches/{number}/log?size=500")["log"])
    ask("DELETE", f"/batches/{number}")
    return log
