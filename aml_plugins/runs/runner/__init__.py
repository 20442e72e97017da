"""What starts on the target. Standard library only, CPython 3.8 and newer; imports nothing of ours.

Started as ``python runner.pyz DIRECTORY`` (``compute/runner_bundle.py`` builds the archive, in which this package is
``aml_runner``). The directory protocol between core, backend and runner (a job's directory, one a submission key):

Written before the runner starts: ``runner.pyz``, ``snapshot.zip``, ``job.json``::

    {"version": 1, "key": str, "run_id": str, "parent_run_id": str | null, "experiment": str,
     "snapshot_digest": str,                    # SHA-256 of its content, checked
     "command": {"script": "train.py", "arguments": ["--alpha", "0.5"]},
     "environment": {"kind": "existing" | "pip" | "conda", ...},   # environments/ has the shapes
     "variables": {...},                        # no secrets: those come through the runner's own environment
     "time_limit_seconds": float | null, "cache": str | null,      # where built environments live on the target
     "grace_seconds": float,                    # between SIGTERM and SIGKILL
     "data": [{"name", "variable", "way", ...}]} # inputs and outputs in datastores, where there are any (data.py)

Written by the runner: ``lock`` (flock held for as long as it has the job; says ``PID BIRTH`` of the runner, and of the
script once it has started; empty when the job has ended and its runner goes on to another), ``started`` (made once, by
whoever is first, before anything with effects: a job is never run twice), ``status.json`` (replaced atomically at each
change and as heartbeat; there once a moment has passed or the job has ended), ``std_log.txt`` (all that the environment
build and the script print), ``records.jsonl`` and ``uploads/`` (what the script logs and uploads through the Azure ML
v1 API, which is last on ``PYTHONPATH``), ``cache/`` (built environments and that API, where the job names no other
place), ``work/`` (the unpacked snapshot; the script's working directory, with ``outputs/`` and ``logs/``), ``reserve``
(disk space for the last word, which takes its place).
``cancel`` (created by the backend) asks it to end; SIGTERM and SIGINT do so at once, and whoever sends them on a job's
behalf has created ``cancel`` before it read ``lock``.

``status.json``::

    {"version": 1, "state": "preparing" | "running" | "succeeded" | "failed" | "cancelled", "pid": int,
     "script_pid": int | null, "script_birth": int | null, "heartbeat": float, "started_at": float | null,
     "finished_at": float | null, "exit_code": int | null, "reason": str | null,
     "environment": null | {"key": str, "state": "running" | "succeeded" | "failed", "message": str}}

A terminal state is the runner's last act: by then no process of the job is left. ``BIRTH`` is the process's start time
in clock ticks since boot (``/proc/PID/stat``, field 22; 0 where there is no ``/proc``), so that a recycled process id
is never taken for the job's. Every process below the runner carries ``AML_JOB_KEY`` in its environment. A process of
another job (a run that the script submitted itself) is never signalled.

Modules stay away from ``json``, ``signal``, ``subprocess``, ``zipfile``, ``pathlib``, ``dataclasses`` and ``typing``
where they can: each costs milliseconds of every run, and together several times what Python itself needs to start.
"""
