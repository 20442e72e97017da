"""Score a folder of files with each new version of a model, in parallel.

Starts by itself whenever a version of the model ``iris-sweep`` is registered (``aml_example_sweep`` does). Runs as it
stands: ``airflow dags test aml_example_batch_scoring`` with this folder as the DAGs folder.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from airflow.sdk import DAG, task

from aml_airflow.assets import datastore_asset, model_asset
from aml_airflow.hooks.aml import AmlHook

MODEL = "iris-sweep"
BATCHES = {
    "morning.json": [[5.1, 3.5, 1.4, 0.2], [4.9, 3.0, 1.4, 0.2]],
    "evening.json": [[7.0, 3.2, 4.7, 1.4], [6.3, 3.3, 6.0, 2.5], [5.8, 2.7, 5.1, 1.9]],
}

# [START example_batch_scoring]
with DAG("aml_example_batch_scoring", schedule=[model_asset(MODEL)], catchup=False, tags=["aml"]) as dag:

    @task
    def collect() -> list[str]:
        """Bring what is to be scored into the datastore, and name the files."""
        store = AmlHook().get_conn().default_datastore
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in BATCHES.items():
                (Path(folder) / name).write_text(json.dumps(rows))
            store.upload(folder, "batches/")
        return sorted(BATCHES)

    @task.aml(
        target="local",
        experiment="iris-batch-scoring",
        data={"batches": {"datastore": "workspace-files", "path": "batches"}},
    )
    def score(file: str, model: str) -> dict:
        """Score one file where the data are; MLflow brings the model."""
        import os
        import pickle

        import mlflow

        found = Path(mlflow.artifacts.download_artifacts(model))
        classifier = pickle.loads((found / "model.pkl").read_bytes())
        rows = json.loads(Path(os.environ["AZUREML_DATAREFERENCE_batches"], file).read_text())
        return {"file": file, "species": classifier.predict(rows).tolist()}

    @task
    def newest() -> str:
        """Say where the newest version of the model is."""
        from aml_plugins import Model

        model = Model.get(AmlHook().get_conn(), MODEL)
        return f"models:/{model.name}/{model.version}"

    @task(outlets=[datastore_asset("workspace-files", "scores")])
    def deliver(scores: list[dict]) -> dict:
        """Put all answers into one file; whoever waits for this asset is triggered."""
        found = {score["file"]: score["species"] for score in scores}
        store = AmlHook().get_conn().default_datastore
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "species.json").write_text(json.dumps(found))
            store.upload(str(Path(folder) / "species.json"), "scores/")
        return found

    deliver(score.partial(model=newest()).expand(file=collect()))
# [END example_batch_scoring]
