"""Scripts in the style of Azure ML's public samples, unmodified: offline, in a run, and beside Microsoft's SDK."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aml_plugins.runs.history import RunHistory
from aml_plugins.runs.records import RecordReplay, as_azureml_metrics

SCRIPTS = {path.stem: path for path in sorted((Path(__file__).parent / "scripts").glob("*.py"))}
OFFLINE = [name for name, path in SCRIPTS.items() if not path.read_text().startswith("# needs a run")]
CHANCE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|0x[0-9a-f]+|'/[^']*/site-packages")


@pytest.mark.parametrize("name", OFFLINE)
def test_offline_prints_what_microsofts_prints(job: Any, microsoft: str, name: str) -> None:
    theirs = job.run_offline(SCRIPTS[name], python=microsoft, ours=False)
    beside = job.run_offline(SCRIPTS[name], python=microsoft, ours=True)
    ours = job.run_offline(SCRIPTS[name])
    assert CHANCE.sub("*", theirs) == CHANCE.sub("*", beside) == CHANCE.sub("*", ours)
    assert "Attempted to" in theirs


@pytest.mark.parametrize("name", SCRIPTS)
def test_beside_microsofts_sdk_everything_arrives(job: Any, microsoft: str, name: str) -> None:
    job.run(SCRIPTS[name], python=microsoft)
    assert len(job.records.splitlines()) >= 3


@pytest.fixture
def arrived(job: Any, history: RunHistory, new_run: Callable[[], tuple[str, str]]) -> Callable[[str], str]:
    """Run a script in a run and replay it: first while it runs, then at its end."""

    def run(name: str) -> str:
        run_id, experiment = new_run()
        job.run(SCRIPTS[name], AML_RUN_ID=run_id)
        live = RecordReplay(history, run_id, experiment)
        assert live.apply(job.records) == []
        final = RecordReplay(history, run_id, experiment, job.uploads)
        assert final.apply(job.records) == []
        return run_id

    return run


def _metrics(history: RunHistory, run_id: str) -> dict[str, Any]:
    view = history.get(run_id)
    return as_azureml_metrics({key: history.metric_history(run_id, key) for key in view.metrics}, view.tags)


def _artifact(history: RunHistory, run_id: str, path: str, folder: Path) -> Any:
    return json.loads(history.download(run_id, path, folder).read_text())


def test_ridge_alphas(history: RunHistory, arrived: Callable[[str], str]) -> None:
    run_id = arrived("ridge_alphas")
    metrics = _metrics(history, run_id)
    assert metrics["alpha"] == [0.0, 0.25, 0.5, 0.75]
    assert metrics["best_mse"] == min(metrics["mse"])
    children = history.children(run_id)
    assert sorted(child.name for child in children) == ["alpha_0.00", "alpha_0.25", "alpha_0.50", "alpha_0.75"]
    assert {child.status for child in children} == {"FINISHED"}
    assert sorted(child.metrics["mse"] for child in children) == sorted(metrics["mse"])
    assert history.get(run_id).tags["best_alpha"] in {"0.00", "0.25", "0.50", "0.75"}


def test_digits_charts(history: RunHistory, arrived: Callable[[str], str], tmp_path: Path) -> None:
    run_id = arrived("digits_charts")
    chart = _artifact(history, run_id, "charts/Confusion matrix.json", tmp_path)
    assert sum(map(sum, chart["data"]["matrix"])) == history.get(run_id).metrics["samples"] == 450
    assert _artifact(history, run_id, "charts/accuracy_table.json", tmp_path)["schema_type"] == "accuracy_table"
    table = _artifact(history, run_id, "tables/per class.json", tmp_path)
    assert table["columns"] == ["label", "precision", "recall", "f1"]
    assert [row[0] for row in table["data"]] == list(range(10))
    assert _metrics(history, run_id)["per class"]["f1"] == [row[3] for row in table["data"]]


def test_epochs_callback(history: RunHistory, arrived: Callable[[str], str]) -> None:
    run_id = arrived("epochs_callback")
    assert [point.step for point in history.metric_history(run_id, "Loss")] == list(range(20))
    metrics = _metrics(history, run_id)
    assert metrics["loss history"] == metrics["Loss"] == [1.0 / (epoch + 1) for epoch in range(20)]
    assert metrics["optimizer"] == "adam"


def test_plots(history: RunHistory, arrived: Callable[[str], str]) -> None:
    run_id = arrived("plots")
    images = [info.path for info in history.files(run_id, "images")]
    assert sorted(images) == ["images/Accuracy.png", "images/Loss v.s. Epoch.png", "images/from file.png"]
    assert all((info.size or 0) > 100 for info in history.files(run_id, "images"))


def test_uploads(history: RunHistory, arrived: Callable[[str], str], tmp_path: Path) -> None:
    run_id = arrived("uploads")
    home = history.download(run_id, "", tmp_path / "home")
    files = {path.relative_to(home).as_posix(): path.read_text() for path in home.rglob("*.*") if path.is_file()}
    assert files["checkpoints/first.txt"] == "model/graph.txt"
    assert files["checkpoints/second.txt"] == "changed"
    assert files["outputs_folder/weights/1.bin"] == files["deep/b.bin"] == "model/weights/1.bin"


def test_tables(history: RunHistory, arrived: Callable[[str], str], tmp_path: Path) -> None:
    run_id = arrived("tables")
    citrus = _artifact(history, run_id, "tables/citrus.json", tmp_path)
    assert citrus == {"columns": ["fruit", "size"], "data": [["orange", 10], ["lemon", 7], ["lime", 3]]}
    metrics = _metrics(history, run_id)
    assert metrics["citrus"] == {"size": [10, 7, 3]}
    assert len(metrics["Sine Wave"]["sine"]) == 6
    assert metrics["Fibonacci"] == [0, 1, 1, 2, 3, 5, 8]


def test_labels(history: RunHistory, arrived: Callable[[str], str]) -> None:
    view = history.get(arrived("labels"))
    expected = {"framework": "sklearn", "candidate": "", "stage": "test", "trees": "100", "aml.text.kernel": "rbf"}
    expected |= {"aml.property.author": "azureml-user", "aml.property.dataset": "iris"}
    assert expected.items() <= view.tags.items()
    assert view.metrics == {"converged": 1.0}


def test_failing_child(history: RunHistory, arrived: Callable[[str], str]) -> None:
    children = {child.name: child for child in history.children(arrived("failing_child"))}
    assert {name: child.status for name, child in children.items()} == {
        "depth_1": "FINISHED",
        "depth_0": "FAILED",
        "depth_2": "FINISHED",
        "explicit": "FAILED",
        "stopped": "KILLED",
    }
    reason = "User program failed with ZeroDivisionError: division by zero"
    assert children["depth_0"].tags["aml.error.message"] == reason
    assert children["explicit"].tags["aml.error.code"] == "NoConvergence"


def test_regression_charts(history: RunHistory, arrived: Callable[[str], str], tmp_path: Path) -> None:
    run_id = arrived("regression_charts")
    assert _artifact(history, run_id, "charts/residuals.json", tmp_path)["data"]["bin_edges"] == [50, 100, 200]
    assert _artifact(history, run_id, "charts/predictions.json", tmp_path)["data"]["bin_counts"] == [56]
    assert history.get(run_id).metrics == {"rmse": 0.5, "r2": 0.9}


def test_sweep_children(history: RunHistory, arrived: Callable[[str], str]) -> None:
    run_id = arrived("sweep_children")
    view, children = history.get(run_id), history.children(run_id)
    assert view.metrics == {"best rate": 0.001}
    best = next(child for child in children if child.tags["rate"] == "0.001")
    assert view.tags["best_child"] == best.run_id
    assert [point.step for point in history.metric_history(best.run_id, "loss")] == [0, 1, 2]


def test_two_processes(history: RunHistory, arrived: Callable[[str], str]) -> None:
    run_id = arrived("two_processes")
    assert len(history.metric_history(run_id, "shared")) == 100
    assert [point.step for point in history.metric_history(run_id, "loss_1")] == list(range(50))
    assert [child.metrics for child in history.children(run_id)] == [{"score": 0.5}]
