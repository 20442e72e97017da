"""Airflow's own operators for Azure, each on its way from execute() to its end: run by test_airflow_operators.py.

Takes the name of an operator and its arguments as JSON; prints how it ended, as JSON.
"""

import json
import sys

from airflow.providers.microsoft.azure.operators.batch import AzureBatchOperator
from airflow.providers.microsoft.azure.operators.container_instances import AzureContainerInstancesOperator

operators = {"batch": AzureBatchOperator, "container": AzureContainerInstancesOperator}
name, arguments = sys.argv[1], json.loads(sys.argv[2])
try:
    ended = {"returned": operators[name](task_id=name, **arguments).execute({})}
except Exception as error:  # noqa: BLE001  what a task would fail with
    ended = {"raised": f"{type(error).__name__}: {error}"}
print(json.dumps(ended))
