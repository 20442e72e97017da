"""``aml service``: settings with structure, and mistakes in a sentence."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from aml_plugins import Service
from aml_plugins.cli.app import run

Aml = Callable[..., str]
TELLING = "import os\ndef init(): pass\ndef run(data): return [os.environ.get(name) for name in 'ABC']\n"
MISTAKES = [
    (["variables=A"], "must be NAME=VALUE, once for each name, or JSON"),
    (["variables==1"], "must be NAME=VALUE"),
    (["variables={"], "must be JSON"),
    (["variables=[1]"], "valid dictionary"),
    (['variables={"A": 1}'], "'variables.A'"),
    (['variables={"A=B": "1"}'], "cannot be named 'A=B'"),
    (["variables=A=1", "variables=A=2"], "has 'A' twice"),
    (["port=1", "port=2"], "'port'"),
    (["replicas=2"], "Write --replicas."),
    (["timeout_seconds=2"], "Write --timeout."),
    (["name=x"], "'name' is no setting"),
    (["port"], "'port' is not NAME=VALUE"),
]


@pytest.fixture
def aml(aml_home, capsys: pytest.CaptureFixture[str]) -> Aml:
    def aml(*words: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(words) == code, capsys.readouterr()
        printed = capsys.readouterr()
        return printed.out + printed.err

    return aml


def test_variables_are_pairs_or_json(serving, aml):
    serving.image(TELLING)
    pairs = ("--set", "variables=A=1,2", "--set", "variables=B=x=y")
    assert "Healthy" in aml("service", "deploy", "iris", "--image", "iris-svc", *pairs, "--timeout", "600")
    assert json.loads(aml("service", "test", "iris", "x", "-o", "json")) == ["1,2", "x=y", None]
    assert Service.get(serving.workspace, "iris").record.desired["timeout_seconds"] == 600
    aml("service", "update", "iris", "--set", 'variables={"C": "3"}')
    assert json.loads(aml("service", "test", "iris", "x", "-o", "json")) == [None, None, "3"]


def test_mistakes_are_sentences(serving, aml):
    serving.image(TELLING)
    for settings, words in MISTAKES:
        options = [word for text in settings for word in ("--set", text)]
        assert words in aml("service", "deploy", "iris", "--image", "iris-svc", *options, code=2)
    assert "0.0 seconds" in aml("service", "deploy", "iris", "--image", "iris-svc", "--timeout", "0", code=2)
    assert Service.list(serving.workspace) == []


def test_whoever_is_interrupted_is_told_how_it_goes_on(serving):
    serving.image("import time\ndef init(): time.sleep(3600)\ndef run(data): pass\n")
    command = [sys.executable, "-m", "aml_plugins.cli", "service", "deploy", "iris", "--image", "iris-svc"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert "Transitioning" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert (process.returncode, said) == (130, "\nInterrupted; it goes on. To end it: aml service delete iris\n")
    Service.get(serving.workspace, "iris").delete()
