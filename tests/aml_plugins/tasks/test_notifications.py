"""A workspace's webhooks: who is told of what, signed, in order, at least once, and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import signal
from dataclasses import replace

import pytest

from aml_plugins.cli.app import run as aml
from aml_plugins.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from aml_plugins.plugins import plugins_of
from aml_plugins.store.records import TaskEvent, WorkspaceRecord
from aml_plugins.tasks.addresses import ForbiddenAddressError, careful_opener
from aml_plugins.tasks.courier import MOST_TRIES, Courier, courier_of, send_now
from aml_plugins.tasks.delivery import deliver
from aml_plugins.tasks.messages import event_id
from aml_plugins.tasks.outbox import Letter, Outbox, pause_after
from aml_plugins.workspaces.notifications import (
    Notification,
    add_notification,
    notifications,
    remove_notification,
)
from aml_plugins.workspaces.settings import settings

VALUE = "the-signing-secret"
NOBODY = plugins_of({})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AML_WEBHOOK_PRIVATE", "1")  # the receivers of these tests are on this machine
    monkeypatch.setenv("HOOK_SECRET", VALUE)
    for proxy in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path / "home"


@pytest.fixture
def notify(store):
    def add(name: str = "hook", **fields: object) -> Notification:
        wanted = Notification(name=name, **fields)
        add_notification(store, "team", wanted)
        return wanted

    return add


def finished(store, add_run, run_id: str = "r" * 32):
    run = add_run(run_id)
    for state in ("Preparing", "Finalizing", "Completed"):
        run = store.runs.save(replace(run, state=state), owner="test", message=f"Now {state}.")
    return run


def wait_until_empty(store, home) -> None:
    courier = courier_of(store, home)
    courier.finish()
    assert courier.outbox.is_empty()


def states(receiver) -> list[str]:
    return [json.loads(body)["data"]["new"] for _, body in receiver.received]


def test_a_run_is_told_to_those_who_asked_for_it(store, add_run, receiver, notify, home):
    notify("all", url=f"{receiver.url}/all")
    notify("ends", url=f"{receiver.url}/ends", states=("Completed", "Failed"), kinds=("run",))
    notify("builds", url=f"{receiver.url}/builds", kinds=("environment",))
    run = finished(store, add_run)

    assert deliver(store, NOBODY, [run.run_id]) == 4
    wait_until_empty(store, home)

    assert sorted(states(receiver)) == ["Completed", "Completed", "Finalizing", "NotStarted", "Preparing"]
    assert deliver(store, NOBODY, [run.run_id]) == 0


def test_what_is_sent_is_signed_and_has_a_text_for_people(store, add_run, receiver, notify, home):
    notify(url=receiver.url, secret="secret://env/HOOK_SECRET", states=("Completed",))
    deliver(store, NOBODY, [finished(store, add_run).run_id])
    wait_until_empty(store, home)

    ((headers, body),) = receiver.received
    signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(VALUE.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["Webhook-Signature"] == f"v1,{digest}"
    assert json.loads(body)["text"] == f"run {'r' * 32} in team: Completed: Now Completed."


def test_a_chat_gets_the_text_alone_and_its_url_is_a_secret(store, receiver, event, monkeypatch):
    monkeypatch.setenv("CHAT_URL", f"{receiver.url}/services/T000/B000/hush")
    wanted = Notification(name="chat", url="secret://env/CHAT_URL", form="slack")
    assert send_now(wanted, event) is None
    assert json.loads(receiver.received[0][1]) == {"text": "run r1 in team-ü: Running (50%): Started."}
    assert wanted.place == "secret://env/CHAT_URL"


def test_no_value_of_a_secret_is_kept_or_logged(store, add_run, receiver, notify, *, home, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    receiver.answers = [500]
    notify(url=f"{receiver.url}/hush", secret="secret://env/HOOK_SECRET", states=("Completed",))
    deliver(store, NOBODY, [finished(store, add_run).run_id])
    courier = courier_of(store, home)
    while not any(letter.tries for letter in courier.outbox.letters()):
        pass
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert VALUE.encode() not in kept
    assert VALUE not in caplog.text
    assert "/hush" not in caplog.text


def test_a_receiver_that_fails_is_asked_later_and_later_and_in_order(store, add_run, receiver, notify, home):
    notify(url=receiver.url)
    outbox = Outbox(home, store.uri)
    events = [TaskEvent(workspace="team", task_id="t", kind="run", subject="t", sequence=n, new=f"{n}") for n in (1, 2)]
    for event in events:
        outbox.put(Letter(workspace="team", webhook="hook", event=event, written=1e12))
    courier = Courier(store, home)
    receiver.answers = [503, 0, 400]
    pauses = []
    for _ in range(3):
        pauses.append(courier.send_due())
        first, second = outbox.letters()
        assert (first.event.new, second.tries) == ("1", 0)
        outbox.put(replace(first, due=0.0))
    assert courier.send_due() == float("inf")
    assert states(receiver) == ["1", "1", "1", "1", "2"]
    assert len({headers["Webhook-Id"] for headers, _ in receiver.received}) == 2
    assert [round(pause) for pause in pauses] == [2, 4, 8]


def test_after_days_it_is_given_up(store, receiver, notify, home, caplog):
    notify(url=receiver.url)
    event = TaskEvent(workspace="team", task_id="t", kind="run", subject="t", sequence=1)
    outbox = Outbox(home, store.uri)
    letter = Letter(workspace="team", webhook="hook", event=event, written=1.0, tries=MOST_TRIES - 2)
    outbox.put(letter)
    receiver.answers = [500, 500]
    assert Courier(store, home).send_due() < float("inf")  # old by the clock alone: the clock may have jumped
    outbox.put(replace(letter, tries=MOST_TRIES - 1))
    assert Courier(store, home).send_due() == float("inf")
    assert "is given up" in caplog.text
    assert outbox.is_empty()
    assert 2.9 < sum(map(pause_after, range(MOST_TRIES))) / 86_400 < 3.1


@pytest.mark.parametrize("moment", ["before the file", "after the file", "after the post"])
def test_a_process_that_is_killed_on_the_way_is_made_up_for(store, add_run, receiver, notify, *, home, moment):
    notify(url=receiver.url, states=("Completed",))
    run = finished(store, add_run)
    child = os.fork()
    if child == 0:
        _die(store, run.run_id, moment)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])

    deliver(store, NOBODY, [run.run_id])
    courier_of(store, home).start()  # what a monitor does
    wait_until_empty(store, home)

    assert set(states(receiver)) == {"Completed"}
    assert len(receiver.received) == (2 if moment == "after the post" else 1)
    assert len({headers["Webhook-Id"] for headers, _ in receiver.received}) == 1


def _die(store, run_id, moment):
    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "before the file":
        Outbox.put = die
    elif moment == "after the file":
        Courier.start = die
    else:
        Outbox.taken = die
    try:
        deliver(store, NOBODY, [run_id])
        signal.pause()
    finally:
        os._exit(1)


def test_what_is_removed_is_told_nothing_more(store, receiver, notify, home):
    notify(url=receiver.url)
    event = TaskEvent(workspace="team", task_id="t", kind="run", subject="t", sequence=1)
    outbox = Outbox(home, store.uri)
    outbox.put(Letter(workspace="team", webhook="hook", event=event, written=1e12))
    remove_notification(store, "team", "hook")
    assert Courier(store, home).send_due() == float("inf")
    assert (outbox.is_empty(), receiver.received) == (True, [])
    with pytest.raises(NotFoundError, match=r"no notification 'hook'.*notify list"):
        remove_notification(store, "team", "hook")


def test_a_redirect_is_not_followed(receiver, event):
    receiver.answers = [302]
    assert send_now(Notification(name="hook", url=receiver.url), event) == "it answered 302"
    assert [headers.get("method") for headers, _ in receiver.received] == [None]


def test_private_addresses_are_for_those_who_allow_them(receiver, event, monkeypatch):
    monkeypatch.delenv("AML_WEBHOOK_PRIVATE")
    wanted = Notification(name="hook", url=receiver.url)
    assert send_now(wanted, event) == "its address is not a public one"
    assert send_now(replace(wanted, url=receiver.url.replace("127.0.0.1", "localhost")), event) is not None
    assert receiver.received == []


class Connected:
    def __init__(self, address):
        self._address = address

    def getpeername(self):
        return (self._address, 80)

    def close(self):
        pass


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", None),
        ("192.168.1.1", None),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("fd00::1", None),
        ("169.254.169.254", False),
        ("::ffff:169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
    ],
)
def test_where_may_be_sent(address, allowed, monkeypatch):
    from aml_plugins.tasks.addresses import _check

    assert careful_opener()
    for permission in ("0", "1"):
        monkeypatch.setenv("AML_WEBHOOK_PRIVATE", permission)
        if allowed or (allowed is None and permission == "1"):
            _check(Connected(address))
        else:
            with pytest.raises(ForbiddenAddressError):
                _check(Connected(address))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "No Good", "url": "https://h/"}, "cannot be the name"),
        ({"url": "ftp://h/hush"}, "The URL is no plain http or https URL"),
        ({"url": "https://u:hush@h/"}, "The URL is no plain http or https URL"),
        ({"url": "https://hooks.slack.com/services/hush"}, "A URL of hooks.slack.com is a secret"),
        ({"url": "https://x.webhook.office.com/hush"}, "is a secret"),
        ({"url": "https://h/", "secret": "hush"}, "is no reference"),
        ({"url": "https://h/", "states": ("Complete",)}, "'Complete' is no state. Did you mean 'Completed'"),
        ({"url": "https://h/", "form": "xml"}, "'xml' is no form"),
    ],
)
def test_what_cannot_be_right_is_refused_without_being_repeated(store, fields, said):
    with pytest.raises(InvalidInputError, match=said) as raised:
        add_notification(store, "team", Notification(**{"name": "hook", **fields}))
    assert "hush" not in str(raised.value)
    assert notifications(settings(store, "team")) == []


def test_names_are_taken_once_and_settings_of_others_stay(store, notify):
    store.workspaces.add(WorkspaceRecord(name="team", settings={"default_datastore": "files", "notifications": ["?"]}))
    notify("one", url="https://h/")
    with pytest.raises(AlreadyExistsError, match="'one' already"):
        notify("one", url="https://h/")
    notify("two", url="https://h/")
    assert [entry.name for entry in notifications(settings(store, "team"))] == ["one", "two"]
    assert settings(store, "team")["default_datastore"] == "files"


def test_the_command_line(aml_home, receiver, capsys, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(aml_home))
    monkeypatch.setenv("AML_WEBHOOK_PRIVATE", "1")

    def said(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert aml(["workspace", "notify", *arguments]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    assert "notify test chat" in said("add", "chat", "--url", f"{receiver.url}/hush", "--state", "Failed")
    assert "/…" in said("list")
    assert "hush" not in said("list", "-o", "json")
    assert "took the event" in said("test", "chat")
    receiver.answers = [500]
    assert "did not take the event: it answered 500" in said("test", "chat", code=3)
    assert json.loads(receiver.received[0][1])["data"]["message"] == "It works."
    assert "no notification 'caht'. Did you mean 'chat'" in said("remove", "caht", code=2)
    said("remove", "chat")
    assert said("list") == "Nobody.\n"


def test_one_event_has_one_file_however_often_it_is_told(home, event):
    outbox = Outbox(home, "store")
    for _ in range(2):
        outbox.put(Letter(workspace="team", webhook="hook", event=event, written=1.0))
    assert [event_id(letter.event) for letter in outbox.letters()] == [event_id(event)]
    (outbox._directory / "evt_broken.json").write_text("{")
    assert len(outbox.letters()) == 1
