"""Prepare an environment in a process of its own: python preparer.py ENVIRONMENT CACHE [CANCEL_FILE]."""

from __future__ import annotations

import json
import os
import sys
import time

from aml_plugins.environments.builders import BuildError, environment_key, prepare

environment, cache, *cancel = sys.argv[1:]
asked = json.loads(environment)
try:
    made = prepare(asked, cache, sys.stderr.buffer, lambda: bool(cancel) and os.path.exists(cancel[0]))  # noqa: PTH110
except BuildError as error:
    print(json.dumps({"error": str(error), "type": type(error).__name__}))
else:
    print(json.dumps({**made, "key": environment_key(asked)}), flush=True)
    if os.environ.get("STAY"):  # as the runner does while the script runs
        time.sleep(600)
