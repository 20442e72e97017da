"""How a container that has nothing of ours begins: one command, the standard library, CPython 3.8 and newer."""

from __future__ import annotations

__all__ = ["bootstrap_command"]

# Brings the runner's archive by itself, with the patience that new networks of containers need; the courier in it
# (``runs/runner/courier.py``) brings the rest. Of a job with many nodes, the first one sends the results.
_CODE = """
import json, os, sys, time, urllib.request
orders = json.loads(os.environ["AML_COURIER"])
if os.environ.get("JOB_COMPLETION_INDEX", "0") != "0":
    orders.pop("deliver", None)
    os.environ["AML_COURIER"] = json.dumps(orders)
directory = sys.argv[1]
os.makedirs(directory, exist_ok=True)
runner = os.path.join(directory, "runner.pyz")
for pause in (1, 2, 4, 8, 16, None):
    try:
        with urllib.request.urlopen(orders["fetch"]["runner.pyz"], timeout=60) as answer, open(runner, "wb") as file:
            file.write(answer.read())
        break
    except OSError as error:
        if pause is None or getattr(error, "code", 500) < 500:
            sys.exit("The job's runner cannot be brought: " + str(error))
        time.sleep(pause)
sys.path.insert(0, runner)
from aml_runner.courier import main
os._exit(main([directory]))
"""


def bootstrap_command(python: str, directory: str) -> list[str]:
    """Return the command that runs a job of which nothing is there yet.

    ``AML_COURIER`` has what to fetch and what to deliver, ``runner.pyz`` among it.

    :param directory: for the job's files; it is made.
    """
    return [python, "-I", "-X", "utf8", "-c", _CODE, directory]
