"""Values of secrets are hidden in logs and reasons, however the bytes arrive."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aml_plugins import Experiment, ScriptRunConfig, Workspace
from aml_plugins.secrets.masking import Mask, mask_file

SECRET = "s3cr3t-value-77"


@settings(suppress_health_check=[HealthCheck.too_slow])  # how fast a loaded machine draws says nothing here
@given(st.lists(st.sampled_from(["abcabc", "abcabd", "cabcab", "x", "ab", "\n", "ü"]), max_size=12), st.data())
def test_pieces_are_masked_as_the_whole_is(words, data):
    whole = "".join(words).encode()
    mask = Mask(["abcabc", "cabcab", "short"])
    shown, at = b"", 0
    while at < len(whole):
        step = data.draw(st.integers(1, len(whole) - at))
        shown += mask.feed(whole[at : at + step])
        at += step
    shown += mask.rest()
    assert len(shown) == len(whole)
    assert b"abcabc" not in shown
    assert b"cabcab" not in shown


def test_what_cannot_become_a_value_is_shown_at_once():
    mask = Mask([SECRET])
    assert mask.feed(b"hello\nprogress 50%") == b"hello\nprogress 50%"
    assert mask.feed(b" and s3cr3t") == b" and "
    assert mask.feed(b"ary") == b"s3cr3tary"
    assert mask.feed(b" s3cr3t-") + mask.feed(b"value-77!") == b" " + b"*" * 15 + b"!"


def test_short_values_are_left(tmp_path):
    mask = Mask(["12345", ""])
    assert not mask
    assert mask.feed(b"12345") == b"12345"
    assert mask.text("12345") == "12345"


def test_a_file_is_replaced_and_what_it_was_linked_to_is_not(tmp_path):
    (tmp_path / "theirs").write_bytes(b"a " + SECRET.encode() + b" b")
    (tmp_path / "log").hardlink_to(tmp_path / "theirs")
    mask_file(tmp_path / "log", Mask([SECRET]))
    assert (tmp_path / "log").read_bytes() == b"a " + b"*" * 15 + b" b"
    assert SECRET.encode() in (tmp_path / "theirs").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "theirs"]


@pytest.fixture
def workspace(aml_home) -> Workspace:
    made = Workspace.create("team-a")
    made.register_secret_store("file", "team")
    made.set_secret("token", SECRET)
    return made


def test_what_a_script_prints_of_its_secrets_does_not_come_home(workspace, tmp_path, aml_home, capsys):
    source = tmp_path / "src"
    source.mkdir()
    (source / "train.py").write_text(
        "import os, sys, time\nprint('token is', os.environ['TOKEN'], flush=True)\ntime.sleep(0.3)\n"
        "sys.exit('with ' + os.environ['TOKEN'])\n"
    )
    config = ScriptRunConfig(source, script="train.py", environment_variables={"TOKEN": "secret://team/token"})
    run = Experiment(workspace, "e").submit(config)
    run.wait_for_completion(show_output=True, raise_on_error=False)
    printed = capsys.readouterr().out
    assert run.status == "Failed"
    hidden = "*" * len(SECRET)
    for text in (printed, run.get_logs(), run.get_details()["reason"]):
        assert f"token is {hidden}" in text
        assert SECRET not in text
    for path in aml_home.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
