"""What can be said about a target of type ssh, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aml_backends.ssh.config import Host, SshConfig, parse_host

PIN = "SHA256:" + "A" * 43


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("vm1", Host("vm1", 22, None)),
        ("me@vm1.example.com:2222", Host("vm1.example.com", 2222, "me")),
        ("[fe80::1]:2222", Host("fe80::1", 2222, None)),
        ("10.0.0.4", Host("10.0.0.4", 22, None)),
    ],
)
def test_hosts_are_read(text: str, host: Host) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize("text", ["", "-oProxyCommand=x", "a b", "vm:0", "vm:99999", "me@", "vm/x", "@vm"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        SshConfig.model_validate({"host": [text]})


def test_several_machines_share_settings() -> None:
    config = SshConfig.model_validate({"host": "a, root@b:2222 c", "user": "me", "port": "23", "slots": "2"})
    assert config.hosts == (Host("a", 23, "me"), Host("b", 2222, "root"), Host("c", 23, "me"))
    assert config.max_parallel_runs == 6


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "host"),
        ({"host": "a,a"}, "twice"),
        ({"host": "a", "password": "hunter2"}, "secret://"),
        ({"host": "a", "key": "-----BEGIN"}, "secret://"),
        ({"host": "a", "fingerprint": "MD5:aa"}, "ssh-keygen"),
        ({"host": "a", "directory": "x"}, "begin with"),
        ({"host": "a", "key": "secret://env/K", "key_file": "k"}, "exclude"),
        ({"host": "a", "jump_host": "a b"}, "USER@"),
        ({"host": "a", "slots": 0}, "greater"),
        ({"host": "a", "hots": "b"}, "Extra"),
    ],
)
def test_mistakes_are_named(settings: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint) as raised:
        SshConfig.model_validate(settings)
    assert "hunter2" not in str(raised.value.errors(include_input=False))


def test_what_was_set_is_what_is_kept() -> None:
    config = SshConfig.model_validate({"host": "a,b", "fingerprint": PIN})
    again = SshConfig.model_validate(config.model_dump(mode="json", exclude_unset=True))
    assert again == config
