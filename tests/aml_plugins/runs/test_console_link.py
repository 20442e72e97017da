"""From MLflow's UI to the console."""

from __future__ import annotations

import pytest

from aml_plugins.runs.console_link import console_link_tags, is_console_note
from aml_plugins.store.records import RunRecord

RUN = RunRecord(
    workspace="team-a",
    run_id="a" * 32,
    experiment_id="1",
    experiment_name="iris",
    target="local",
    target_type="local",
    state="Running",
    script="train.py",
    config={},
)
PAGE = f"/aml/workspaces/team-a/runs/{RUN.run_id}"


def test_no_server_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AML_SERVER_URL", raising=False)
    assert console_link_tags("aml+sqlite:///x.db", RUN) == {}


@pytest.mark.parametrize(
    ("store", "server", "url", "link"),
    [
        ("http://box:5000", "", f"http://box:5000{PAGE}", PAGE),
        ("https://me:secret@box/ml", "", f"https://box/ml{PAGE}", f"/ml{PAGE}"),
        ("aml+sqlite:///x.db", "http://box:5000/", f"http://box:5000{PAGE}", PAGE),
        ("http://box", "http://other", f"http://box{PAGE}", PAGE),
    ],
)
def test_a_server_is_linked_to_without_its_password(
    monkeypatch: pytest.MonkeyPatch, store: str, server: str, url: str, link: str
) -> None:
    monkeypatch.setenv("AML_SERVER_URL", server)
    tags = console_link_tags(store, RUN)
    assert tags == {"aml.console_url": url, "mlflow.note.content": f"[Open in AML Plugins]({link})"}
    assert is_console_note(tags["mlflow.note.content"])


@pytest.mark.parametrize("server", ["javascript:alert(1)", "box:5000", "ftp://box", "http://", ""])
def test_what_is_no_server_is_not_linked_to(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("AML_SERVER_URL", server)
    assert console_link_tags("aml+sqlite:///x.db", RUN) == {}


def test_what_people_wrote_is_no_link_of_ours() -> None:
    assert not is_console_note("[Open in AML Plugins](/x)\nand a note")
    assert not is_console_note("a note")
