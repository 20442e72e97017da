"""What an Airflow triggerer does to its triggers, told by JSON lines: the real ``TriggerRunner`` without its database.

A line of the input starts a trigger as its row in the database would (``{"start": [ID, CLASS, ARGUMENTS]}``), kills it
as a user does who acts on the task (``{"kill": ID}``), ends all as a triggerer does that stops (``{"stop": true}``), or
asks how often and for how much was looked (``{"looks": true}``). Its answers are events, ends and looks.

It is one triggerer, or with a socket in place of its answers a process that makes one for each request: importing
everything costs far more than what a triggerer of a test does. A request has its variables, its input, the place of its
answers, and its log.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import resource
import signal
import socket
import stat
import sys
from typing import IO, Any

from airflow.jobs import triggerer_job_runner
from airflow.models.trigger import Trigger

from aml_airflow.watching import looking

RUNNER = triggerer_job_runner.TriggerRunner()
LOOKS: list[tuple[str, int]] = []
REPLIES: list[IO[str]] = []
HEAVY = ("aml_airflow.triggers.run", "aml_plugins.mlflow_store.tracking", "aml_plugins.mlflow_store.models")
LARGEST_REQUEST = 1 << 20
PR_SET_PDEATHSIG = 1
"""Of prctl(2): the process ends with its parent."""


def count_looks() -> None:
    """Note how many things each look asks for."""
    for kind, look in list(looking.LOOKS.items()):

        def counted(workspace: Any, keys: Any, kind: str = kind, look: Any = look) -> Any:
            LOOKS.append((kind, len(keys)))
            return look(workspace, keys)

        looking.LOOKS[kind] = counted  # type: ignore[index]


def say(**values: Any) -> None:
    print(json.dumps(values), file=REPLIES[0], flush=True)


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


async def obey_all() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (line := await reader.readline()) and await obey(json.loads(line)):
        pass


def be_triggerer(replies: int) -> None:
    """Obey until the input ends."""
    os.set_inheritable(replies, False)
    REPLIES.append(os.fdopen(replies, "w"))
    count_looks()
    asyncio.run(obey_all())


def make_triggerers(requests: socket.socket) -> None:
    """Make one for each request until nobody is there to ask; who asked for it ends it."""
    for name in HEAVY:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        variables, files, _, _ = socket.recv_fds(requests, LARGEST_REQUEST, 3)
        if not variables:
            return
        child = os.fork()
        if not child:
            become_triggerer(json.loads(variables), *files)
            os._exit(0)
        for file in files:
            os.close(file)
        requests.sendall(str(child).encode())


def become_triggerer(variables: dict[str, str], given: int, replies: int, log: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.update(variables)
    for file, number in ((given, 0), (log, 1), (log, 2)):
        os.dup2(file, number)
    be_triggerer(replies)


if __name__ == "__main__":
    number = int(sys.argv[1])
    if stat.S_ISSOCK(os.fstat(number).st_mode):
        make_triggerers(socket.socket(fileno=number))
    else:
        be_triggerer(number)
