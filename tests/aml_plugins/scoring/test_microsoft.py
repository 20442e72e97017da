"""Differential: Microsoft's server and ours, the same scripts, the same requests, the same answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator

import pytest
from requests_table import (
    CONNECTION,
    DECORATED,
    EXPRESSIONS,
    FLASK,
    IDS,
    ONE,
    ORIGINS,
    PREFLIGHT,
    RAW,
    SCRIPTS,
    UNDECORATED,
)
from servers import Microsoft, Reply, Server, ours

pytestmark = pytest.mark.xdist_group("microsoft-server")  # it starts in seconds, and once for all


class Both:
    """The two servers for one script."""

    def __init__(self, theirs: Server, our_server: Server) -> None:
        self.theirs = theirs
        self.ours = our_server

    def compare(self, method: str, path: str, body: bytes | str | None, headers: dict[str, str]) -> None:
        theirs, mine = (server.send(method, path, body, headers) for server in (self.theirs, self.ours))
        if theirs.body and "content-length" not in theirs.headers:  # sent in chunks
            mine.headers.pop("content-length")
        assert shown(mine, path) == shown(theirs, path), (method, path, body and body[:200], headers)


def shown(reply: Reply, path: str) -> tuple[int, dict[str, str], object]:
    """Return what has to be the same: times and made-up ids are there or not, and are not compared."""
    headers = {name: value for name, value in reply.headers.items() if name not in CONNECTION}
    for name in ("x-ms-run-fn-exec-ms", "x-ms-server-version"):
        headers = {**headers, name: "there"} if name in headers else headers
    for name in ("x-request-id", "x-ms-request-id"):
        if len(headers.get(name, "")) == 36:
            headers[name] = "made"
    if "allow" in headers:
        headers["allow"] = ", ".join(sorted(headers["allow"].split(", ")))
    if path.startswith("/swagger.json") and reply.status == 200:
        headers.pop("content-length")  # our words differ
        return reply.status, headers, without_words(json.loads(reply.body or b"0"))
    return reply.status, headers, reply.body


def without_words(document: object) -> object:
    """Return a description without its sentences."""
    if isinstance(document, dict):
        return {key: without_words(value) for key, value in document.items() if key != "description"}
    return [without_words(item) for item in document] if isinstance(document, list) else document


@pytest.fixture(scope="module")
def both(
    request: pytest.FixtureRequest, microsoft: Microsoft, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Both]:
    script, variables = request.param
    directory = tmp_path_factory.mktemp(script)
    shutil.copy(SCRIPTS / f"{script}.py", directory / "score.py")
    arguments = ["--entry_script", "score.py"]
    with (
        microsoft.serving(directory, arguments, variables) as theirs,
        ours(microsoft.python, directory, arguments, variables) as mine,
    ):
        assert theirs.port, theirs.log.read_text()
        assert mine.port, mine.log.read_text()
        yield Both(theirs, mine)


def on(script: str, **variables: str):
    name = "-".join([script, *variables.values()]).replace("*", "any")
    return pytest.mark.parametrize("both", [pytest.param((script, variables), id=name)], indirect=True)


@on("undecorated")
class TestUndecorated:
    @pytest.mark.parametrize("request_", UNDECORATED, ids=lambda r: f"{r[0]} {r[1]}"[:60])
    def test_requests(self, both, request_):
        both.compare(*request_)

    @pytest.mark.parametrize("ids", IDS, ids=str)
    def test_ids(self, both, ids):
        both.compare("POST", "/score", "x", ids)
        both.compare("GET", "/", None, ids)

    def test_results(self, both):
        for expression in EXPRESSIONS:
            both.compare("POST", "/score", f"EVAL:{expression}", {})

    def test_what_the_script_prints(self, both):
        for expression in EXPRESSIONS:
            for server in (both.theirs, both.ours):
                server.ask("POST", "/score", f"EVAL:{expression}")
        printed = [[line for line in server.printed() if line] for server in (both.theirs, both.ours)]
        assert "init-was-called" in printed[1]
        theirs = [line for line in printed[0] if line.startswith(("evaluating", "several", "init", "two"))]
        assert [line for line in printed[1] if line in theirs] == theirs
        for server in (both.theirs, both.ours):  # without any logging set up by the script
            assert "WARNING:mine:logged" in server.log.read_text().splitlines()

    @pytest.mark.parametrize(
        "version", ["", "?version=2", "?version=2.0", "?version=3", "?version=3.0", "?version=3.1"]
    )
    def test_swagger(self, both, version):
        both.compare("GET", f"/swagger.json{version}", None, {})

    def test_a_chunked_body(self, both):
        chunked = {"Transfer-Encoding": "chunked"}
        both.compare("POST", "/score", b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", chunked)
        both.compare("POST", "/score", b"0\r\n\r\n", chunked)


@on("decorated")
class TestDecorated:
    @pytest.mark.parametrize("request_", DECORATED, ids=lambda r: f"{r[0]} {r[2]}"[:60])
    def test_requests(self, both, request_):
        both.compare(*request_)

    @pytest.mark.parametrize("version", ["2", "3", "3.1", "4"])
    def test_swagger(self, both, version):
        both.compare("GET", f"/swagger.json?version={version}", None, {})


@on("one_array", SERVICE_NAME="iris", SERVICE_VERSION="7", SERVICE_PATH_PREFIX="/a/b/")
class TestRequestHeaders:
    @pytest.mark.parametrize("request_", ONE, ids=lambda r: f"{r[0]}")
    def test_requests(self, both, request_):
        method, path, body, headers = request_
        fixed = {**headers, "Host": "h", "Accept-Encoding": "identity"}
        both.compare(method, path, body, fixed)

    @pytest.mark.parametrize("version", ["2", "3"])
    def test_swagger(self, both, version):
        both.compare("GET", f"/swagger.json?version={version}", None, {})


@on("raw")
class TestRaw:
    @pytest.mark.parametrize("request_", RAW, ids=lambda r: f"{r[0]} {r[1]}"[:60])
    def test_requests(self, both, request_):
        both.compare(*request_)


@on("flask_user")
def test_scripts_that_use_flask(both):
    for request in FLASK:
        both.compare(*request)


@on("driver")
def test_a_driver_module_hides_the_script(both):
    both.compare("POST", "/score", "x", {})


@on("slow", SCORING_TIMEOUT_MS="300")
@pytest.mark.parametrize("word", ["fast", "sleep", "spin", "raise", "swallow", "asyncio", "loop"])
def test_time(both, word):
    both.compare("POST", "/score", word, {})


@on("undecorated", AML_CORS_ORIGINS="https://a.example, https://b.example")
@pytest.mark.parametrize("origin", ORIGINS, ids=str)
def test_two_origins(both, origin):
    cross_origin(both, origin)


@on("undecorated", AML_CORS_ORIGINS="*")
@pytest.mark.parametrize("origin", ORIGINS, ids=str)
def test_all_origins(both, origin):
    cross_origin(both, origin)


@on("undecorated", AML_CORS_ORIGINS="https://.*[.]example")
@pytest.mark.parametrize("origin", ORIGINS, ids=str)
def test_a_pattern_of_origins(both, origin):
    cross_origin(both, origin)


def cross_origin(both, origin):
    for method in ("GET", "POST", "OPTIONS"):
        both.compare(method, "/score", "x" if method == "POST" else None, origin)
    both.compare("OPTIONS", "/score", None, {**origin, **PREFLIGHT})
    both.compare("OPTIONS", "/score", None, {**origin, **PREFLIGHT, "Access-Control-Request-Method": "PUT"})
    both.compare("OPTIONS", "/", None, {**origin, **PREFLIGHT})
    both.compare("GET", "/nowhere", None, origin)
    both.compare("GET", "/", None, origin)


BROKEN = {
    "no init": "def run(data): pass",
    "no run": "def init(): pass",
    "raises at import": "1/0",
    "does not parse": "def init(:",
    "imports what is not there": "import nothing_like_this\ndef init(): pass\ndef run(data): pass",
    "exits at import": "import sys; sys.exit(0)",
    "raises in init": "def init(): raise ValueError('no model')\ndef run(data): pass",
    "exits in init": "import sys\ndef init(): sys.exit(0)\ndef run(data): pass",
    "variable arguments": "def init(): pass\ndef run(*args): pass",
    "variable names": "def init(): pass\ndef run(data, **kwargs): pass",
    "positional only": "def init(): pass\ndef run(data, /): pass",
    "no argument": "def init(): pass\ndef run(): pass",
    "only headers": "def init(): pass\ndef run(request_headers): pass",
    "raw and decorated": (
        "from azureml_inference_server_http.api.aml_request import rawhttp\n"
        "from inference_schema.schema_decorators import input_schema\n"
        "from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType\n"
        "def init(): pass\n"
        "@rawhttp\n@input_schema('data', StandardPythonParameterType(1))\ndef run(data): pass\n"
    ),
}


@pytest.mark.parametrize("source", BROKEN.values(), ids=BROKEN)
def test_scripts_that_cannot_serve(microsoft, tmp_path, source):
    """Microsoft's server ends with these; so does ours, with the same exit code, 3."""
    (tmp_path / "score.py").write_text(source)
    arguments = ["--entry_script", "score.py"]
    with microsoft.serving(tmp_path, arguments, {}) as theirs:
        assert theirs.port == 0
    with ours(microsoft.python, tmp_path, arguments, {}) as mine:
        assert mine.port == 0
        assert mine.process.wait(10) == 3


def test_configuration_files(microsoft, tmp_path):
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(data): return data")
    (tmp_path / "config.json").write_text('{"SERVICE_NAME": "from the file", "SCORING_TIMEOUT_MS": 5000}')
    (tmp_path / "swagger3.json").write_text('{"mine": true}')
    arguments = ["--entry_script", "score.py"]
    variables = {"AML_APP_ROOT": str(tmp_path)}
    with (
        microsoft.serving(tmp_path, arguments, variables) as theirs,
        ours(microsoft.python, tmp_path, arguments, variables) as mine,
    ):
        both = Both(theirs, mine)
        for version in ("2", "3", "3.1"):
            both.compare("GET", f"/swagger.json?version={version}", None, {})


def test_main_is_the_script_where_none_is_named(microsoft, tmp_path):
    (tmp_path / "main.py").write_text("def init(): pass\ndef run(data): return data")
    (tmp_path / "c.json").write_text("{}")
    arguments = ["--config_file", "c.json"]
    with (
        microsoft.serving(tmp_path, arguments, {"AML_APP_ROOT": str(tmp_path)}) as theirs,
        ours(microsoft.python, tmp_path, arguments, {"AML_APP_ROOT": str(tmp_path)}) as mine,
    ):
        Both(theirs, mine).compare("POST", "/score", "x", {})
