"""Types commands of Azure's command line in one process, in that command's own Python: starting it takes seconds.

Reads a list of arguments a line, as JSON; answers with exit code, output and errors, as JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys

from azure.cli.core import get_default_cli  # type: ignore[import-not-found]  # of another Python

err = io.StringIO()  # loggers keep the first that they find


def typed(arguments: list[str]) -> dict[str, object]:
    out = io.StringIO()
    err.seek(0)
    err.truncate()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = get_default_cli().invoke(arguments, out_file=out)
        except SystemExit as end:
            code = end.code
    return {"code": code or 0, "out": out.getvalue(), "err": err.getvalue()}


answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    answers.write(json.dumps(typed(json.loads(line))) + "\n")
    answers.flush()
