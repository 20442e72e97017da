"""What the server does beyond Azure ML's contract: keys, limits, probes, workers, capture."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest
from servers import Server, ours

from aml_plugins.testing.waiting import wait_until

ECHO = "def init(): pass\ndef run(data): return data\n"
GATE = """
import os, time
def init():
    while os.environ.get("HOLD") and os.path.exists(os.environ["HOLD"]):
        time.sleep(0.01)
def run(data):
    open("entered", "w").close()
    while os.path.exists("gate"):
        time.sleep(0.005)
    return data
"""


@pytest.fixture
def serve(tmp_path):
    """Start a server for a script's source."""
    opened = []

    def start(source: str = ECHO, *arguments: str, **variables: str) -> Server:
        (tmp_path / "score.py").write_text(source)
        context = ours(sys.executable, tmp_path, ["--entry_script", "score.py", *arguments], variables)
        opened.append(context)
        return context.__enter__()

    yield start
    for context in opened:
        context.__exit__(None, None, None)


def test_keys_rotate_without_a_restart(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("one\ntwo\n")
    server = serve(AML_SCORING_KEYS_FILE=str(keys), AML_CORS_ORIGINS="*")

    def ask(key):
        return server.ask("POST", "/score", "x", Authorization=f"Bearer {key}").status

    assert [ask("one"), ask("two"), ask("three"), ask("")] == [200, 200, 401, 401]
    refused = server.ask("POST", "/score", "x")
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "message" in json.loads(refused.body)
    assert server.ask("GET", "/swagger.json").status == 401
    assert [server.ask("GET", path).status for path in ("/", "/ready")] == [200, 200]
    assert server.ask("OPTIONS", "/score").status == 200  # browsers ask without a key
    replacement = tmp_path / "new"
    replacement.write_text("two\nthree\n")
    replacement.replace(keys)
    wait_until(lambda: ask("three") == 200)
    assert [ask("one"), ask("two")] == [401, 200]
    keys.unlink()
    wait_until(lambda: ask("two") == 401)
    assert "one" not in server.log.read_text()


def test_digests_of_keys_will_do(serve):
    digests = ",".join(hashlib.sha256(key).hexdigest() for key in (b"one", b"two"))
    server = serve(AML_SCORING_KEY_DIGESTS=digests, AML_SCORING_KEYS_FILE="/nonexistent/keys")
    keys = ("one", "two", "three", "", digests.partition(",")[0])
    answers = [server.ask("POST", "/score", "x", Authorization=f"Bearer {key}").status for key in keys]
    assert answers == [200, 200, 401, 401, 401]
    assert server.ask("POST", "/score", "x").status == 401
    assert "one" not in server.log.read_text()


def test_bodies_are_bounded(serve):
    server = serve(AML_SCORING_MAX_REQUEST_BYTES="1000")
    assert server.ask("POST", "/score", "x" * 1000).status == 200
    assert server.ask("POST", "/score", "x" * 1001).status == 413
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n"
    assert server.send("POST", "/score", chunk, {"Transfer-Encoding": "chunked"}).status == 413
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
        assert b" 413 " in connection.recv(1000)
    assert server.ask("POST", "/score", "x").status == 200


def test_a_request_that_never_ends_and_one_that_breaks_off_leave_others_alone(serve):
    server = serve()
    with socket.create_connection(("127.0.0.1", server.port), 10) as slow:
        slow.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")
        assert server.ask("POST", "/score", "x").body == b'"x"'
    assert server.ask("POST", "/score", "y").body == b'"y"'


def test_probes_answer_while_run_is_busy(serve, tmp_path):
    (tmp_path / "gate").touch()
    server = serve(GATE, "--health_port", "0")
    probe = Server(server.extra["health"], server.log)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(server.ask("POST", "/score", "x")))
    asking.start()
    wait_until((tmp_path / "entered").exists)
    assert [probe.ask("GET", path).status for path in ("/", "/ready", "/nowhere")] == [200, 200, 404]
    (tmp_path / "gate").unlink()
    asking.join(20)
    assert answers[0].status == 200


def test_alive_is_not_ready(tmp_path):
    (tmp_path / "score.py").write_text(GATE)
    hold = tmp_path / "hold"
    hold.touch()
    ports = tmp_path / "ours.log.ports"
    arguments = ["--entry_script", "score.py", "--health_port", "0"]
    found = {}

    def look():
        wait_until(ports.exists)
        probe = Server(json.loads(ports.read_text())["health"], tmp_path / "x")
        found["early"] = [probe.ask("GET", path).status for path in ("/", "/ready")]
        hold.unlink()
        wait_until(lambda: probe.ask("GET", "/ready").status == 200)
        found["late"] = True

    looking = threading.Thread(target=look)
    looking.start()
    with ours(sys.executable, tmp_path, arguments, {"HOLD": str(hold)}):
        looking.join(30)
    assert found == {"early": [200, 503], "late": True}


def test_requests_under_way_are_answered_before_the_end(serve, tmp_path):
    (tmp_path / "gate").touch()
    server = serve(GATE)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(server.ask("POST", "/score", "last words")))
    asking.start()
    wait_until((tmp_path / "entered").exists)
    server.process.send_signal(signal.SIGTERM)
    (tmp_path / "gate").unlink()
    asking.join(20)
    assert answers[0].body == b'"last words"'
    assert server.process.wait(20) == 0


def workers_of(server):
    pid = server.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_worker_that_dies_is_replaced(serve):
    server = serve(
        "import os\ndef init(): pass\ndef run(data):\n    return os._exit(9) if data == 'die' else os.getpid()\n"
    )
    first = json.loads(server.ask("POST", "/score", "x").body)
    with pytest.raises(ConnectionError):
        server.ask("POST", "/score", "die")
    second = wait_until(lambda: _try(lambda: json.loads(server.ask("POST", "/score", "x").body)))
    assert second != first


def _try(call):
    try:
        return call()
    except OSError:
        return None


def test_a_script_that_exits_in_run_has_failed_and_goes_on(serve):
    server = serve("import sys\ndef init(): pass\ndef run(data):\n    return sys.exit(4) if data == 'exit' else data\n")
    answer = server.ask("POST", "/score", "exit")
    assert (answer.status, answer.headers["x-ms-run-function-failed"]) == (500, "True")
    assert server.ask("POST", "/score", "x").status == 200


def test_several_workers_answer_and_end_together(serve):
    server = serve("import os\ndef init(): pass\ndef run(data): return os.getpid()\n", "--worker_count", "2")
    wait_until(lambda: len(workers_of(server)) == 2)
    children = workers_of(server)
    os.kill(server.process.pid, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{pid}/stat").exists() and _running(pid) for pid in children))


def _running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_inputs_and_outputs_are_captured(serve, tmp_path):
    server = serve(AML_SCORING_CAPTURE_DIRECTORY=str(tmp_path / "captured"))
    server.ask("POST", "/score", "in æ", x_request_id="r1")
    server.ask("GET", "/score?x=1")
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(20)
    lines = [json.loads(line) for file in (tmp_path / "captured").rglob("*.jsonl") for line in file.open()]
    assert [(line["input"], line["output"], line["status"]) for line in lines] == [
        ("in æ", '"in \\u00e6"', 200),
        ("x=1", '"{\\"x\\": 1}"', 200),
    ]
    assert lines[0]["request_id"] == "r1"


SDK = """
import json, pandas as pd
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml.contrib.services import rawhttp
from azureml.core import Dataset, Workspace
from azureml.core.authentication import ServicePrincipalAuthentication
from azureml.monitoring import ModelDataCollector

def init():
    global inputs, outputs, strict, lenient
    inputs = ModelDataCollector("iris", designation="inputs", feature_names=["a", "b"])
    outputs = ModelDataCollector("iris", identifier="predictions")
    inputs.collect([1, 2])
    strict = Collector(name="model_inputs")
    lenient = Collector(name="model_outputs", on_error=lambda error: print("refused", error))

@rawhttp
def run(request):
    if request.args.get("auth"):
        ServicePrincipalAuthentication(tenant_id="t")
    frame = pd.DataFrame({"a": [1.5], "b": ["x"]})
    inputs.collect(frame.values, "mine")
    outputs.collect([[2]], "mine")
    context = strict.collect(frame, BasicCorrelationContext(id="fixed"))
    lenient.collect([1], context)
    try:
        strict.collect({"a": 1})
    except TypeError as error:
        return [str(context), str(error)]
"""


def test_azure_ml_s_collectors_write_where_requests_are_captured(serve, tmp_path):
    server = serve(SDK, AML_SCORING_CAPTURE_DIRECTORY=str(tmp_path / "captured"))
    answer = server.ask("POST", "/score", "x")
    refusal = "data type (dict) not supported, supported types: pandas.DataFrame"
    assert json.loads(answer.body) == ["fixed", refusal]
    assert server.ask("POST", "/score?auth=1", "x").status == 500
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(20)
    log = server.log.read_text()
    assert "The script uses azureml.core.ServicePrincipalAuthentication: add azureml-core to its environment" in log
    assert "refused data type (list) not supported" in log
    lines = [json.loads(line) for file in (tmp_path / "captured").rglob("*.jsonl") for line in file.open()]
    collected = [line for line in lines if "collector" in line]
    assert [(line["collector"], line["correlation_id"], line["data"], line.get("columns")) for line in collected] == [
        ("inputs", "mine", [[1.5, "x"]], ["a", "b"]),
        ("predictions", "mine", [[2]], None),
        ("model_inputs", "fixed", [[1.5, "x"]], ["a", "b"]),
    ]
    assert [line["status"] for line in lines if "status" in line] == [200]


def test_metrics_count(serve):
    server = serve()
    server.ask("POST", "/score", "x")
    server.ask("POST", "/score", b"\xff")
    text = server.ask("GET", "/metrics").body.decode()
    assert 'aml_scoring_requests_total{path="/score",status="200"} 1.0' in text
    assert 'aml_scoring_requests_total{path="/score",status="400"} 1.0' in text
    assert "aml_scoring_run_seconds_count 1.0" in text


def test_metrics_of_several_workers_are_one_on_the_probes_port(serve):
    server = serve(ECHO, "--worker_count", "2", "--health_port", "0")
    for _ in range(4):
        server.ask("POST", "/score", "x")
    probe = Server(server.extra["health"], server.log)
    wait_until(lambda: 'status="200"} 4.0' in probe.ask("GET", "/metrics").body.decode())


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"SCORING_TIMEOUT_MS": "soon"}, "SCORING_TIMEOUT_MS is 'soon'"),
        ({"AML_SCORING_MAX_REQUEST_BYTES": "-1"}, "AML_SCORING_MAX_REQUEST_BYTES is '-1'"),
        ({"AZUREML_CONFIG_FILE": "broken.json"}, "broken.json cannot be read"),
    ],
)
def test_wrong_settings_are_named(serve, tmp_path, variables, words):
    (tmp_path / "broken.json").write_text("{")
    server = serve(**variables)
    assert server.port == 0
    assert server.process.wait(10) == 3
    assert words in server.log.read_text()


def test_a_port_that_is_taken_is_a_sentence(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = serve(ECHO, "--port", str(taken.getsockname()[1]))
        assert server.process.wait(10) == 3
    assert "Cannot listen" in server.log.read_text()


STATUSES = """
from azureml.contrib.services.aml_response import AMLResponse
def init(): pass
def run(data): return AMLResponse("x", int(data))
"""


def test_a_status_that_ends_no_request_is_the_script_s_mistake(serve):
    server = serve(STATUSES)
    assert [server.ask("POST", "/score", status).status for status in ("299", "100", "0", "999", "599")] == [
        299, 500, 500, 500, 599,
    ]  # fmt: skip


MODEL_PATHS = """
import os
from azureml.core.model import Model
import azureml.core
def init(): pass
def run(data):
    try:
        return [Model.get_model_path("iris"), azureml.core.Model.get_model_path("iris", version=1)]
    except Exception as error:
        return repr(error)
"""


def test_azure_ml_s_model_paths(serve, tmp_path):
    folder = tmp_path / "models" / "iris"
    for version in ("1", "2", "10"):
        (folder / version).mkdir(parents=True)
        (folder / version / "m.pkl").touch()
    (folder / "10" / "second.pkl").touch()
    several = serve(MODEL_PATHS, AZUREML_MODEL_DIR=str(tmp_path / "models"))
    found = [str(folder / "10"), str(folder / "1" / "m.pkl")]
    assert json.loads(several.ask("POST", "/score", "x").body) == found


def test_azure_ml_s_model_path_of_one_model(serve, tmp_path):
    (tmp_path / "models" / "iris" / "1").mkdir(parents=True)
    (tmp_path / "models" / "iris" / "1" / "m.pkl").touch()
    one = serve(MODEL_PATHS, AZUREML_MODEL_DIR=str(tmp_path / "models" / "iris" / "1"))
    file = str(tmp_path / "models" / "iris" / "1" / "m.pkl")
    assert json.loads(one.ask("POST", "/score", "x").body) == [file, file]
