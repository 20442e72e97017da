"""What an Airflow triggerer does to its triggers, told by JSON lines: the real ``TriggerRunner`` without its database.

A line of the input starts a trigger as its row in the database would (``{"start": [ID, CLASS, ARGUMENTS]}``), kills it
as a user does who acts on the task (``{"kill": ID}``), ends all as a triggerer does that stops (``{"stop": true}``), or
asks how often and for how much was looked (``{"looks": true}``). Its answers are events, ends and looks.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from typing import Any

from airflow.jobs import triggerer_job_runner
from airflow.models.trigger import Trigger

from aml_airflow.watching import looking

RUNNER = triggerer_job_runner.TriggerRunner()
LOOKS: list[tuple[str, int]] = []


def count_looks() -> None:
    """Note how many things each look asks for."""
    for kind, look in list(looking.LOOKS.items()):

        def counted(workspace: Any, keys: Any, kind: str = kind, look: Any = look) -> Any:
            LOOKS.append((kind, len(keys)))
            return look(workspace, keys)

        looking.LOOKS[kind] = counted  # type: ignore[index]


def say(**values: Any) -> None:
    print(json.dumps(values), file=REPLIES, flush=True)


def start(trigger_id: int, classpath: str, arguments: dict[str, Any]) -> None:
    """Make a trigger of what Airflow's database would have of it, and let it run."""
    stored = Trigger._decrypt_kwargs(Trigger.encrypt_kwargs(arguments))
    trigger = RUNNER.get_trigger_by_classpath(classpath)(**stored)
    trigger.trigger_id = trigger_id
    task = asyncio.create_task(RUNNER.run_trigger(trigger_id, trigger))
    RUNNER.triggers[trigger_id] = {"task": task, "is_watcher": False, "name": str(trigger_id), "events": 0}
    task.add_done_callback(lambda done: ended(trigger_id, done))


def ended(trigger_id: int, done: asyncio.Task[Any]) -> None:
    while RUNNER.events:
        entry = RUNNER.events.popleft()
        say(event=entry[1].payload, id=entry[0])  # a named tuple since Airflow 3.3
    error = None if done.cancelled() or done.exception() is None else repr(done.exception())
    say(ended=trigger_id, cancelled=done.cancelled(), error=error)


async def obey(request: dict[str, Any]) -> bool:
    if "start" in request:
        start(*request["start"])
    elif "kill" in request:
        RUNNER.triggers[request["kill"]]["task"].cancel(
            triggerer_job_runner._USER_ACTION_CANCEL_MSG
        )  # Airflow 3.3 and newer
    elif "looks" in request:
        used = resource.getrusage(resource.RUSAGE_SELF)
        cpu = used.ru_utime + used.ru_stime
        say(looks=LOOKS, cpu_seconds=cpu, memory_kb=used.ru_maxrss, tasks=len(asyncio.all_tasks()))
    elif "stop" in request:
        tasks = [details["task"] for details in RUNNER.triggers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return False
    return True


async def main() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (line := await reader.readline()) and await obey(json.loads(line)):
        pass


if __name__ == "__main__":
    REPLIES = os.fdopen(int(sys.argv[1]), "w")
    count_looks()
    asyncio.run(main())
