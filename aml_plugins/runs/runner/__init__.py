"""What starts on the target. Standard library only, CPython 3.8 and newer; imports nothing of ours.

The directory protocol between core, backend and runner (a job's directory, one a submission key):

Written before the runner starts: ``runner.pyz``, ``snapshot.zip``, ``job.json``::

    {"version": 1, "key": str, "run_id": str, "parent_run_id": str | null, "experiment": str,
     "snapshot_digest": str,                    # SHA-256 of snapshot.zip, checked
     "command": {"script": "train.py", "arguments": ["--alpha", "0.5"]},
     "environment": {"kind": "existing" | "pip" | "conda", ...},   # environments/ has the shapes
     "variables": {...},                        # no secrets: those come through the runner's own environment
     "time_limit_seconds": float | null, "cache": str | null}      # where built environments live on the target

Written by the runner: ``lock`` (flock held for its whole life), ``started`` (created with O_EXCL once, before
anything with effects: a job is never run twice), ``status.json`` (replaced atomically at each change and as
heartbeat), ``std_log.txt`` (everything the environment build and the script print), ``records.jsonl`` (what the
script logs through the Azure ML v1 API), ``work/`` (the unpacked snapshot; the script's working directory, with
``outputs/`` and ``logs/``). ``cancel`` (created by the backend) asks it to end.

``status.json``::

    {"version": 1, "state": "preparing" | "running" | "succeeded" | "failed" | "cancelled", "pid": int,
     "script_pid": int | null, "heartbeat": float, "started_at": float | null, "finished_at": float | null,
     "exit_code": int | null, "reason": str | null,
     "environment": null | {"key": str, "state": "running" | "succeeded" | "failed", "message": str}}
"""
