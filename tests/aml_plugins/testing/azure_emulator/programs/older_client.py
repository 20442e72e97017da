"""Everything that an older program does with Batch, by azure-batch 14: run by test_older_client.py in its own Python.

Prints what it saw as JSON.
"""

import datetime as dt
import json
import sys
import time

from azure.batch import BatchServiceClient, models
from azure.batch.batch_auth import SharedKeyCredentials

url, account, key = sys.argv[1:]
client = BatchServiceClient(SharedKeyCredentials(account, key), batch_url=url)
seen = {}


def until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise SystemExit("what the program waits for did not happen")


image = models.ImageReference(publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts")
machine = models.VirtualMachineConfiguration(image_reference=image, node_agent_sku_id="batch.node.ubuntu 22.04")
start = models.StartTask(command_line="/bin/sh -c 'echo ready > $AZ_BATCH_NODE_SHARED_DIR/x'", wait_for_success=True)
client.pool.add(
    models.PoolAddParameter(
        id="older",
        vm_size="standard_d1_v2",
        virtual_machine_configuration=machine,
        target_dedicated_nodes=1,
        start_task=start,
    )
)
pool = models.PoolInformation(pool_id="older")
prepare = models.JobPreparationTask(command_line="echo preparing")
client.job.add(
    models.JobAddParameter(id="older", pool_info=pool, uses_task_dependencies=True, job_preparation_task=prepare)
)
tasks = [
    models.TaskAddParameter(
        id=f"t{number}",
        command_line=f"/bin/sh -c 'cat $AZ_BATCH_NODE_SHARED_DIR/x; echo $A {number}; exit {number % 2}'",
        environment_settings=[models.EnvironmentSetting(name="A", value="b")],
        depends_on=models.TaskDependencies(task_ids=["t0"]) if number else None,
    )
    for number in range(3)
]
added = client.task.add_collection("older", tasks)
seen["added"] = sorted((item.task_id, item.status.value) for item in added.value)
options = models.TaskListOptions(filter="state eq 'completed'", select="id,executionInfo", max_results=1)
until(lambda: len(list(client.task.list("older", options))) == 3)
seen["tasks"] = [
    (task.id, task.execution_info.exit_code, task.execution_info.result.value)
    for task in client.task.list("older", options)
]
seen["category"] = client.task.get("older", "t1").execution_info.failure_info.category.value
seen["text"] = b"".join(client.file.get_from_task("older", "t2", "stdout.txt")).decode()
seen["files"] = [file.name for file in client.file.list_from_task("older", "t0", recursive=True)]
seen["nodes"] = [(node.state.value, node.start_task_info.exit_code) for node in client.compute_node.list("older")]
seen["counts"] = client.job.get_task_counts("older").task_counts.completed
try:
    client.task.get("older", "none")
except models.BatchErrorException as error:
    seen["error"] = (error.error.code, error.error.message.value.splitlines()[0])
client.job.patch("older", models.JobPatchParameter(on_all_tasks_complete="terminatejob"))
until(lambda: client.job.get("older").state == "completed")
seen["reason"] = client.job.get("older").execution_info.terminate_reason
status = list(client.job.list_preparation_and_release_task_status("older"))
seen["prepared"] = [one.job_preparation_task_execution_info.exit_code for one in status]
client.pool.enable_auto_scale("older", auto_scale_formula="$TargetDedicatedNodes=0;")
formula = "$TargetDedicatedNodes=0;$TargetLowPriorityNodes=3;$NodeDeallocationOption=requeue"
seen["formula"] = client.pool.evaluate_auto_scale("older", formula).results == formula
schedule = models.Schedule(recurrence_interval=dt.timedelta(minutes=5))
work = models.JobSpecification(pool_info=pool)
client.job_schedule.add(models.JobScheduleAddParameter(id="older-schedule", schedule=schedule, job_specification=work))
until(lambda: client.job_schedule.get("older-schedule").execution_info.recent_job is not None)
seen["scheduled"] = [job.id for job in client.job.list_from_job_schedule("older-schedule")]
client.job_schedule.delete("older-schedule")
client.job.delete("older")
client.pool.delete("older")
until(lambda: not client.pool.exists("older"))
print(json.dumps(seen))
