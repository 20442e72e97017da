"""Scripts that the kit has targets run. Standard library only, CPython 3.8 and newer."""

from __future__ import annotations

__all__ = [
    "CHILDREN",
    "ENDLESS",
    "FAILING",
    "GREETING",
    "HALF_A_RECORD",
    "LONG_LOG",
    "NO_RUNNER",
    "ODD_FILES",
    "ONCE",
    "TREE",
]

GREETING = """
import os, pathlib, sys
print("hello", *sys.argv[1:], flush=True)
pathlib.Path("outputs/result.txt").write_text("done")
pathlib.Path("logs/own.log").write_text("mine")
pathlib.Path("outputs/run_id.txt").write_text(os.environ["AML_RUN_ID"])
"""

ONCE = "print('once', flush=True)"

FAILING = "import sys; print('about to fail'); sys.exit(3)"

ENDLESS = "import time; print('begun', flush=True); time.sleep(3600)"

ODD_FILES = """
import os, pathlib
deep = pathlib.Path("outputs/a directory/deeper")
deep.mkdir(parents=True)
(deep / "gr\\u00fc\\u00dfe.bin").write_bytes(bytes(range(256)))
pathlib.Path("outputs/empty").touch()
os.symlink("result.txt", "outputs/inside")
pathlib.Path("outputs/result.txt").write_text("done")
os.symlink("/etc/hostname", "outputs/outside")
os.symlink("/etc", "outputs/outside-directory")
os.mkfifo("outputs/pipe")
"""

ARGUMENTS = """
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ["TROUBLE"]]), flush=True)
"""

CHILDREN = """
from azureml.core import Run
run = Run.get_context()
for name, score in (("first", 0.25), ("second", 0.5)):
    with run.child_run(name=name) as child:
        child.log("score", score)
"""

LONG_LOG = """
import sys
for number in range(30000):
    sys.stdout.write("line %d %s\\n" % (number, "x" * 60))
"""

HALF_A_RECORD = """
import os, time
with open(os.environ["AML_RECORDS"], "w") as file:
    file.write('{"a": 1}\\n{"b":')
    file.flush()
    print("written", flush=True)
    time.sleep(3600)
"""

# The runner is the script's parent on every target: it starts the script itself.
NO_RUNNER = """
import os, signal, time
print("begun", flush=True)
os.kill(os.getppid(), signal.SIGKILL)
time.sleep(3600)
"""

TREE = """
import subprocess, sys, time
sleeper = [sys.executable, "-c", "import time; time.sleep(3600)"]
subprocess.Popen(sleeper)
subprocess.Popen(sleeper, start_new_session=True)
subprocess.Popen([sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:])", *sleeper]).wait()
print("begun", flush=True)
time.sleep(3600)
"""

SIGNALLED = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
