"""Names of lease owners."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from aml_plugins.store.leases import new_owner, owner_is_dead

_PROGRAM = "from aml_plugins.store.leases import new_owner; print(new_owner(), flush=True); input()"


@pytest.fixture
def process():
    started = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield started
    started.kill()
    started.communicate()


def test_two_owners_of_one_process_differ_and_live():
    first, second = new_owner(), new_owner()
    assert first != second
    assert not owner_is_dead(first)
    assert first.split("/")[2] == str(os.getpid())


def test_a_process_is_dead_when_it_is_killed_not_only_when_it_is_reaped(process):
    owner = process.stdout.readline().strip()
    assert not owner_is_dead(owner)
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner_is_dead(owner)
    process.wait()
    assert owner_is_dead(owner)


def _changed(owner: str, position: int, value: str) -> str:
    parts = owner.split("/")
    parts[position] = value
    return "/".join(parts)


def test_another_process_that_got_the_same_id_is_not_the_owner():
    assert owner_is_dead(_changed(new_owner(), 3, "1"))


@pytest.mark.parametrize(
    "change", [(0, "elsewhere"), (1, "an-earlier-boot"), (2, "not-a-number"), (2, "99999999999999999999"), (3, "")]
)
def test_who_cannot_be_judged_is_not_dead(process, change):
    owner = process.stdout.readline().strip()
    process.kill()
    process.wait()
    assert not owner_is_dead(_changed(owner, *change))


@pytest.mark.parametrize("name", ["", "monitor", "a/b", "a/b/c/d/e/f"])
def test_names_of_another_shape_are_not_dead(name):
    assert not owner_is_dead(name)
