"""A script directory runs on a cluster and everything comes back to MLflow."""

from __future__ import annotations

from pathlib import Path

import pytest
from services.livy import LivyServer

from aml_plugins import Experiment, ScriptRunConfig, Workspace

pytestmark = pytest.mark.xdist_group("livy")  # one server, for all
COUNT = """
import pathlib
from azureml.core import Run
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.range(100).filter("id % 2 = 0").count()
Run.get_context().log("rows", rows)
pathlib.Path("outputs/rows.txt").write_text(str(rows))
print("counted", rows, flush=True)
"""


@pytest.mark.usefixtures("aml_home")
def test_a_spark_script_runs_and_everything_comes_back(
    livy: LivyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "src"
    source.mkdir()
    (source / "count.py").write_text(COUNT)
    workspace = Workspace.create("team-a")
    workspace.attach_compute("hdinsight", "cluster", url=livy.url, staging=f"file://{livy.shared}/journey")
    config = ScriptRunConfig(source, script="count.py", compute_target="cluster")
    run = Experiment(workspace, "words").submit(config)
    run.wait_for_completion(show_output=True)
    assert run.status == "Completed"
    assert "counted 50" in capsys.readouterr().out
    assert run.get_metrics() == {"rows": 50.0}
    assert run.download_file("outputs/rows.txt", tmp_path).read_text() == "50"
    assert list((livy.shared / "journey").iterdir()) == []
