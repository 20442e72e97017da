"""The page of a batch's application, through a gateway that answers as Livy does where YARN is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from services.livy import LivyServer
from services.livy_gateway import LivyGateway, running_livy_gateway

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.cli.app import run as aml
from aml_plugins.runs.attempts import LINK
from aml_plugins.store.records import RunRecord

pytestmark = pytest.mark.xdist_group("livy")  # one server, for all


@pytest.mark.usefixtures("aml_home")
def test_a_run_shows_its_application(
    livy: LivyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVY_PASSWORD", LivyGateway.password)
    source, go, states = tmp_path / "src", tmp_path / "go", []
    source.mkdir()
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(go)!r}).exists(): time.sleep(0.1)\n"
    (source / "wait.py").write_text(wait)
    workspace = Workspace.create("team-a")

    def let_go(seen: RunRecord) -> None:
        states.append(seen.native_state)
        if seen.cursors.get(LINK) and seen.state == "Running":
            go.touch()

    with running_livy_gateway(livy) as gateway:
        places = {"url": gateway.url, "staging": f"file://{livy.shared}/application"}
        workspace.attach_compute("hdinsight", "cluster", password="secret://env/LIVY_PASSWORD", **places)
        config = ScriptRunConfig(source, script="wait.py", compute_target="cluster")
        run = Experiment(workspace, "words").submit(config).wait_for_completion(on_change=let_go)
    shown = _shown(capsys, "run", "show", run.id, "-w", "team-a", "-o", "json")
    page = json.loads(shown)["link"]
    application = page.rstrip("/").rpartition("/")[2]
    assert page in {LivyGateway.page(number) for number in range(1000)}
    assert f"running ({application})" in states
    assert page in _shown(capsys, "run", "show", run.id, "-w", "team-a")


def _shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert aml(list(arguments)) == 0
    return capsys.readouterr().out
