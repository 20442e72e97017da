"""Prepare features with Spark, and train a model on them where there is no Spark.

Runs as it stands where Apache Spark is (``pip install 'aml-plugins[spark]'``): ``airflow dags test aml_example_spark``.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, task

from aml_airflow.assets import datastore_asset
from aml_airflow.hooks.aml import AmlHook
from aml_airflow.operators.run import AmlRunOperator

SPARK = Path(__file__).resolve().parents[1] / "docs" / "examples" / "spark"
FOLDER = "features/{{ run_id | replace(':', '-') | replace('+', '-') }}"

# [START example_spark]
with DAG("aml_example_spark", schedule=None, catchup=False, tags=["aml"]) as dag:

    @task
    def prepare() -> str:
        """Attach a Spark on this machine, unless it is there. On a cluster, only its settings are others."""
        workspace = AmlHook().get_conn()
        if "spark" not in workspace.compute_targets:
            wanted = {"spark_home": "SPARK_HOME", "python": "PYSPARK_PYTHON"}
            settings = {name: os.environ.get(variable) for name, variable in wanted.items()}
            known = {name: value for name, value in settings.items() if value}
            workspace.attach_compute("spark", "spark", master="local[2]", **known)
        return "spark"

    features = AmlRunOperator(
        task_id="features",
        source_directory=str(SPARK),
        script="features.py",
        target=prepare(),
        experiment="iris-spark",
        data={"features": {"datastore": "workspace-files", "path": FOLDER, "mode": "upload"}},
        outlets=[datastore_asset("workspace-files", "features")],
    )

    @task.aml(
        target="local",
        experiment="iris-spark",
        data={"features": {"datastore": "workspace-files", "path": FOLDER}},
    )
    def train() -> dict:
        """Learn where one species ends and the next one begins."""
        import csv
        import json

        with Path(os.environ["AZUREML_DATAREFERENCE_features"], "features.csv").open() as file:
            rows = [(float(row["petal_area"]), int(row["species"])) for row in csv.DictReader(file)]
        means = {
            str(kind): sum(area for area, species in rows if species == kind) / sum(s == kind for _, s in rows)
            for kind in {species for _, species in rows}
        }
        Path("outputs/means.json").write_text(json.dumps(means))
        return {"rows": len(rows), "means": means}

    features >> train()
# [END example_spark]
