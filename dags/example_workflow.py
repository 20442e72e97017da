"""The whole way of a model: train with child runs, choose, register, build, deploy, score, look after it.

Runs as it stands: ``airflow dags test aml_example_workflow`` with this folder as the DAGs folder.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, task

from aml_airflow.hooks.aml import AmlHook
from aml_airflow.operators.image import AmlCreateImageOperator
from aml_airflow.operators.model import AmlRegisterModelOperator
from aml_airflow.operators.run import AmlRunOperator
from aml_airflow.operators.score import AmlScoreOperator
from aml_airflow.operators.service import AmlDeployServiceOperator

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
FLOWERS = {"data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}

# [START example_workflow]
with DAG("aml_example_workflow", schedule=None, catchup=False, tags=["aml"]) as dag:

    @task
    def prepare() -> str:
        """Attach a compute target, unless it is there."""
        workspace = AmlHook().get_conn()
        if "airflow-box" not in workspace.compute_targets:
            workspace.attach_compute("local", "airflow-box")
        return "airflow-box"

    train = AmlRunOperator(
        task_id="train",
        source_directory=str(EXAMPLES / "iris"),
        script="train.py",
        arguments=["--alpha", 0.1, 1, 10],
        target=prepare(),
        experiment="iris",
        retries=1,
    )

    @task
    def best(trained: str) -> dict:
        """Say which child run was the best; the script kept that one's model."""
        children = AmlHook().get_conn().get_run(trained).get_children()
        found = max(children, key=lambda child: child.get_metrics()["accuracy"])
        return {"run": found.name, **found.get_metrics()}

    chosen = best(train.output)

    register = AmlRegisterModelOperator(
        task_id="register",
        model_name="iris",
        run_id=train.output,
        model_path="outputs/model.pkl",
        tags={"accuracy": "{{ ti.xcom_pull('best')['accuracy'] }}"},
    )

    image = AmlCreateImageOperator(
        task_id="image",
        image_name="iris-svc",
        models=[register.output],
        entry_script="score.py",
        source_directory=str(EXAMPLES / "service"),
    )

    deploy = AmlDeployServiceOperator(task_id="deploy", service_name="iris", image=image.output, overwrite=True)

    score = AmlScoreOperator(task_id="score", service_name=deploy.output, data=FLOWERS)

    @task
    def monitor(answer: dict) -> dict:
        """Make sure that the service is well, and that it knows a setosa from a virginica."""
        from aml_plugins import Service

        service = Service.get(AmlHook().get_conn(), "iris")
        if service.state != "Healthy" or answer["species"] != [0, 2]:
            raise ValueError(f"The service is {service.state} and answers {answer}.")
        return {"state": service.state, "images": list(service.image_names)}

    chosen >> register
    monitor(score.output)
# [END example_workflow]
