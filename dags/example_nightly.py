"""Retrain every night. A better model is served, first for a part of the requests, and taken back where it fails.

Runs as it stands: ``airflow dags test aml_example_nightly`` with this folder as the DAGs folder; twice for the canary.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, Param, task

from aml_airflow.hooks.aml import AmlHook
from aml_airflow.notifications.aml import AmlNotifier
from aml_airflow.operators.image import AmlCreateImageOperator
from aml_airflow.operators.model import AmlRegisterModelOperator
from aml_airflow.operators.run import AmlRunOperator
from aml_airflow.operators.service import AmlDeployServiceOperator, AmlUpdateServiceOperator

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
SERVICE = "iris-nightly"
PROBES = [([5.1, 3.5, 1.4, 0.2], 0), ([6.7, 3.0, 5.2, 2.3], 2)]

# [START example_nightly]
with DAG(
    "aml_example_nightly",
    schedule="@daily",
    catchup=False,
    max_active_runs=1,
    tags=["aml"],
    params={
        "at_least": Param(0.9, type="number", description="The accuracy below which nothing is served."),
        "wrong_at_most": Param(0, type="integer", description="How many wrong answers of the canary are accepted."),
    },
    on_failure_callback=AmlNotifier(message="The nightly training of {{ ds }} failed."),
) as dag:
    train = AmlRunOperator(
        task_id="train",
        source_directory=str(EXAMPLES / "iris"),
        script="train.py",
        arguments=["--alpha", 0.1, 1, 10, "--seed", "{{ (ds_nodash | default('7'))[-2:] }}"],
        target="local",
        experiment="iris-nightly",
        retries=2,
    )

    @task.short_circuit
    def good_enough(trained: str, params: dict | None = None) -> bool:
        """Go on only with a model that is good enough."""
        accuracy = AmlHook().get_conn().get_run(trained).get_metrics()["accuracy"]
        print(f"accuracy {accuracy:.3f}")
        return accuracy >= (params or {})["at_least"]

    gate = good_enough(train.output)

    register = AmlRegisterModelOperator(
        task_id="register", model_name=SERVICE, run_id=train.output, model_path="outputs/model.pkl"
    )

    image = AmlCreateImageOperator(
        task_id="image",
        image_name=SERVICE,
        models=[register.output],
        entry_script="score.py",
        source_directory=str(EXAMPLES / "service"),
    )

    @task
    def served_before() -> str | None:
        """Return the image that is served now, None in the first night."""
        from aml_plugins import Service

        services = {service.name: service for service in Service.list(AmlHook().get_conn())}
        return services[SERVICE].image_names[0] if SERVICE in services else None

    @task.branch
    def first_night(before: str | None) -> str:
        """Deploy where nothing is served yet."""
        return "canary" if before else "deploy"

    before = served_before()
    night = first_night(before)
    deploy = AmlDeployServiceOperator(task_id="deploy", service_name=SERVICE, image=image.output)
    canary = AmlUpdateServiceOperator(task_id="canary", service_name=SERVICE, image=image.output, traffic=20)

    @task.branch
    def probe(params: dict | None = None) -> str:
        """Ask the service what is known, often enough to meet the new version too."""
        from aml_plugins import Service

        service = Service.get(AmlHook().get_conn(), SERVICE)
        wrong = 0
        for row, species in PROBES * 10:
            answer = service.run({"data": [row]})
            wrong += answer["species"] != [species]
        print(f"{wrong} of {len(PROBES) * 10} answers are wrong")
        return "promote" if wrong <= (params or {})["wrong_at_most"] else "roll_back"

    probed = probe()
    promote = AmlUpdateServiceOperator(task_id="promote", service_name=SERVICE, traffic=100)
    roll_back = AmlUpdateServiceOperator(
        task_id="roll_back",
        service_name=SERVICE,
        image="{{ ti.xcom_pull('served_before') }}",
        on_success_callback=AmlNotifier(message="The model of {{ ds }} answers wrongly, and is not served."),
    )

    gate >> register
    image >> before
    night >> [deploy, canary]
    canary >> probed >> [promote, roll_back]
# [END example_nightly]
