"""The webhook notifier against a real web server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import time
from dataclasses import replace

import pytest

from aml_plugins.errors import InvalidInputError
from aml_plugins.tasks.messages import event_id
from aml_plugins.tasks.signatures import signature, signing_key
from aml_plugins.tasks.webhook import Webhook, WebhookSettings

FAST = WebhookSettings(timeout=5.0, pauses=(0.0, 0.0), rest=60.0)


@pytest.fixture
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


pytestmark = pytest.mark.usefixtures("no_proxy")


def test_an_event_arrives_as_json_with_id_and_time(receiver, event):
    before = int(time.time())
    assert Webhook(receiver.url, settings=FAST).send(event)
    ((headers, body),) = receiver.received
    message = json.loads(body)
    assert message["id"] == headers["Webhook-Id"] == event_id(event)
    assert message["type"] == "aml.task.event"
    assert message["timestamp"] == "2023-11-14T22:13:20.250000+00:00"
    assert message["data"] == {
        "workspace": "team-ü",
        "task_id": "r1",
        "kind": "run",
        "subject": "r1",
        "sequence": 7,
        "time": 1_700_000_000.25,
        "old": "Queued",
        "new": "Running",
        "progress": 0.5,
        "message": "Started.",
    }
    assert headers["Content-Type"] == "application/json"
    assert before <= int(headers["Webhook-Timestamp"]) <= int(time.time())
    assert "Webhook-Signature" not in headers


def signed(key: bytes, headers: dict[str, str], body: bytes) -> str:
    """Sign as a receiver does to compare."""
    text = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    return f"v1,{base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()}"


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("plain text", b"plain text"),
        ("whsec_" + base64.b64encode(b"\x00\xff" * 12).decode(), b"\x00\xff" * 12),
        ("secret://env/HOOK_KEY", b"from the environment"),
    ],
)
def test_a_receiver_can_verify_the_signature(receiver, event, monkeypatch, secret, key):
    monkeypatch.setenv("HOOK_KEY", "from the environment")
    Webhook(receiver.url, secret, FAST).send(event)
    ((headers, body),) = receiver.received
    assert headers["Webhook-Signature"] == signed(key, headers, body)


def test_the_signature_is_that_of_the_standards_own_example():
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["whsec_hush!", "secret://env/NO_SUCH", "secret://vault/x"])
def test_a_secret_that_cannot_be_used_is_refused_without_being_repeated(secret):
    with pytest.raises(InvalidInputError, match=r"AML_WEBHOOK_SECRET|webhook.s secret") as caught:
        Webhook("http://127.0.0.1", secret, FAST)
    assert "hush" not in str(caught.value)


def test_the_id_is_the_same_when_told_again_and_no_other_events(event):
    others = [
        replace(event, sequence=8),
        replace(event, workspace="b"),
        replace(event, task_id="r2"),
        replace(event, time=1.0),
    ]
    assert event_id(event) == event_id(replace(event))
    assert len({event_id(each) for each in (event, *others)}) == 5


@pytest.mark.parametrize("answers", [[503], [429, 500], [0, 502]])
def test_trouble_that_may_pass_is_tried_again_with_the_same_id(receiver, event, answers):
    receiver.answers = list(answers)
    assert Webhook(receiver.url, "k", FAST).send(event)
    assert len(receiver.received) == len(answers) + 1
    assert {headers["Webhook-Id"] for headers, _ in receiver.received} == {event_id(event)}


def test_a_receiver_that_stays_down_is_left_alone_for_a_while(receiver, event, caplog):
    now, pauses = [100.0], []
    settings = WebhookSettings(timeout=5.0, pauses=(0.2, 0.8), rest=60.0)
    webhook = Webhook(f"{receiver.url}/token-1", "k", settings, clock=lambda: now[0], sleep=pauses.append)
    receiver.answers = [503] * 3
    assert not webhook.send(event)
    assert pauses == [0.2, 0.8]
    assert not webhook.send(event)
    assert len(receiver.received) == 3
    assert caplog.text.count("was not taken by the webhook at 127.0.0.1") == 1
    assert "it answered 503" in caplog.text
    now[0] += 60.0
    assert webhook.send(event)
    assert len(receiver.received) == 4


@pytest.mark.parametrize("answer", [400, 401, 404, 410])
def test_a_refusal_is_not_repeated_and_the_next_event_is_sent(receiver, event, answer, caplog):
    webhook = Webhook(receiver.url, "k", FAST)
    receiver.answers = [answer]
    assert not webhook.send(event)
    assert len(receiver.received) == 1
    assert f"it answered {answer}" in caplog.text
    assert webhook.send(event)


@pytest.mark.parametrize("answer", [301, 302, 307])
def test_a_redirect_is_not_followed(receiver, event, answer):
    receiver.answers = [answer]
    assert not Webhook(receiver.url, "k", FAST).send(event)
    assert len(receiver.received) == 1


def test_nothing_listens(event, caplog):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        assert not Webhook(f"http://127.0.0.1:{port}/token-1", "k", FAST).send(event)
    assert f"was not taken by the webhook at 127.0.0.1:{port}: Connection refused." in caplog.text


def test_a_receiver_that_never_answers_does_not_hold_the_run_up(event, caplog):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        settings = WebhookSettings(timeout=0.05, pauses=())
        assert not Webhook(f"http://127.0.0.1:{silent.getsockname()[1]}", "", settings).send(event)
    assert "TimeoutError" in caplog.text or "timed out" in caplog.text


@pytest.mark.parametrize("answers", [[], [503] * 3, [400]])
def test_neither_secret_nor_the_urls_path_is_logged(receiver, event, caplog, answers):
    caplog.set_level(logging.DEBUG)
    receiver.answers = list(answers)
    webhook = Webhook(f"{receiver.url}/services/hush-path?k=hush-query", "hush-secret", FAST)
    webhook.send(event)
    webhook.send(event)
    assert "hush" not in caplog.text
    assert "hush" not in repr(webhook)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/hush",
        "file:///hush",
        "host/hush",
        "http:///hush",
        "http://user:hush@host/",
        "http://host/hu sh",
        "http://host/hush\n",
        "http://host:port/hush",
        "http://[hush",
        "",
    ],
)
def test_other_urls_are_refused_without_being_repeated(url):
    with pytest.raises(InvalidInputError) as caught:
        Webhook(url)
    assert "hush" not in str(caught.value)
    assert "http://HOST/PATH" in caught.value.fix
