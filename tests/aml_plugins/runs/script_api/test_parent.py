"""``run.parent`` in a run that was submitted with a parent."""

from __future__ import annotations

import json
from typing import Any

PARENT = "f" * 32


def test_a_script_logs_metrics_and_tags_to_the_run_above(job: Any) -> None:
    script = """
        import json
        from azureml.core import Run
        run = Run.get_context()
        run.parent.log("loss", 0.5)
        run.parent.log_row("folds", loss=1)
        run.parent.tag("best", "3")
        refused = []
        for call in (
            lambda: run.parent.child_run("c"), lambda: run.parent.upload_file("a", __file__), run.parent.complete,
            lambda: run.parent.add_properties({"a": "b"}), lambda: run.parent.log_confusion_matrix("c", {}),
        ):
            try:
                call()
            except NotImplementedError as error:
                refused.append(str(error))
        above = run.parent
        print(json.dumps([above.id, above == run, above.status, above.get_metrics("loss"), refused]))
    """
    parent, same, status, metrics, refused = json.loads(job.run(script, AML_PARENT_RUN_ID=PARENT))
    assert (parent, same, status, metrics, len(refused)) == (PARENT, False, "Running", {"loss": 0.5}, 5)
    assert all("takes metrics and tags" in sentence for sentence in refused)
    written = [(record["op"], record["run"]) for record in map(json.loads, job.records.splitlines())]
    assert written == [("log", PARENT), ("rows", PARENT), ("tags", PARENT)]
