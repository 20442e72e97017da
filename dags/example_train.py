"""Train a model from a script directory: one task, one run, everything in MLflow.

Runs as it stands, without a scheduler: ``airflow db migrate`` once, then ``python dags/example_train.py``.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from aml_airflow.operators.run import AmlRunOperator

SOURCE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "iris"

# [START example_train]
with DAG("aml_example_train", schedule=None, catchup=False, tags=["aml"]) as dag:
    AmlRunOperator(
        task_id="train",
        source_directory=str(SOURCE),
        script="train.py",
        arguments=["--alpha", 0.1, 1, 10],
        target="local",
        experiment="iris",
    )
# [END example_train]

if __name__ == "__main__":
    import json
    import os

    # ``DAG.test`` wants to find this file in the DAGs folder, wherever the installation has its own.
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    here = {"name": "dags-folder", "classpath": local, "kwargs": {"path": str(Path(__file__).resolve().parent)}}
    os.environ.setdefault("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps([here]))
    raise SystemExit(dag.test().state != "success")
