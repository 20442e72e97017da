"""Outside a run a script prints what it would have logged, in Azure ML's words."""

from __future__ import annotations

from typing import Any


def test_offline_run_prints(job: Any) -> None:
    out = job.run_offline(
        """
        from azureml.core import Run
        run = Run.get_context()
        print(run.id.startswith("OfflineRun_"), hasattr(run, "experiment"))
        run.log("accuracy", 0.5)
        run.log("accuracy", 0.5, step=1)
        run.tag("a", 1)
        with run.child_run("child", run_id="own") as child:
            child.log_list("l", [1, 2])
        """
    )
    assert out == (
        "True False\nAttempted to log scalar metric accuracy:\n0.5\nAttempted to log scalar metric accuracy:\n0.5\n"
        "Attempted to add tag a with value 1\n[START] Run own context\nAttempted to log list metric l:\n[1, 2]\n"
        "[STOP] Run own context\n"
    )


def test_offline_can_be_refused(job: Any) -> None:
    out = job.run_offline(
        """
        from azureml.core import Run
        from azureml.exceptions import RunEnvironmentException
        for ask in (lambda: Run.get_context(allow_offline=False), Run.get_submitted_run):
            try:
                ask()
            except RunEnvironmentException as error:
                print(error)
        """
    )
    assert out.count("Could not load a submitted run") == 2
