"""Try every strength on every compute target of the workspace, and keep the best model.

Runs as it stands: ``airflow dags test aml_example_sweep`` with this folder as the DAGs folder.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, task

from aml_airflow.assets import model_asset
from aml_airflow.hooks.aml import AmlHook
from aml_airflow.operators.run import AmlRunOperator

IRIS = Path(__file__).resolve().parents[1] / "docs" / "examples" / "iris"
STRENGTHS = [0.01, 0.1, 1, 10]

# [START example_sweep]
with DAG("aml_example_sweep", schedule=None, catchup=False, tags=["aml"]) as dag:

    @task
    def fan_out() -> list[dict]:
        """Spread the strengths over the targets."""
        targets = sorted(AmlHook().get_conn().compute_targets)
        return [
            {"target": targets[number % len(targets)], "arguments": ["--alpha", strength]}
            for number, strength in enumerate(STRENGTHS)
        ]

    sweep = AmlRunOperator.partial(
        task_id="sweep",
        source_directory=str(IRIS),
        script="train.py",
        experiment="iris-sweep",
        retries=1,
        map_index_template="{{ task.arguments[-1] }} on {{ task.target }}",
    ).expand_kwargs(fan_out())

    @task(outlets=[model_asset("iris-sweep")])
    def keep_best(run_ids: list[str]) -> str:
        """Register the best run's model; whoever waits for this asset is triggered."""
        workspace = AmlHook().get_conn()
        best = max(map(workspace.get_run, run_ids), key=lambda run: run.get_metrics()["accuracy"])
        model = best.register_model("iris-sweep", "outputs")
        return f"{model.name}:{model.version}"

    keep_best(sweep.output)
# [END example_sweep]
