"""Differential: scripts that take or return HTTP messages, with Flask and without: the same answers."""

from __future__ import annotations

import shutil

import pytest
from requests_table import RAW, SCRIPTS
from servers import ours

pytestmark = pytest.mark.xdist_group("microsoft-server")


@pytest.fixture(scope="module")
def pair(microsoft, tmp_path_factory):
    directory = tmp_path_factory.mktemp("flaskless")
    shutil.copy(SCRIPTS / "raw.py", directory / "score.py")
    hiding = directory / "hiding"
    hiding.mkdir()
    (hiding / "flask.py").write_text("raise ImportError('hidden', name='flask')")
    arguments = ["--entry_script", "score.py"]
    with (
        ours(microsoft.python, directory, arguments, {}) as with_flask,
        ours(microsoft.python, directory, arguments, {"PYTHONPATH": str(hiding)}, log="without.log") as without,
    ):
        assert with_flask.port, with_flask.log.read_text()
        assert without.port, without.log.read_text()
        yield with_flask, without


@pytest.mark.parametrize("request_", RAW, ids=lambda r: f"{r[0]} {r[1]}"[:60])
def test_requests(pair, request_):
    answers = [server.send(*request_) for server in pair]
    found = [(answer.status, answer.body, answer.headers.get("content-type")) for answer in answers]
    assert found[1] == found[0]


def test_uploads_are_files(pair):
    _, without = pair
    body = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.bin"\r\n\r\n\x00\xff\r\n\r\n--b--\r\n'
    answer = without.send("POST", "/score", body, {"Content-Type": "multipart/form-data; boundary=b"})
    assert b'"x.bin"' in answer.body
