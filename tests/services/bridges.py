"""Bridges of this machine: a network for containers or pods, gone at the end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["bridge_name", "own_bridge", "run"]


@contextmanager
def own_bridge() -> Iterator[str]:
    """Make a bridge of one's own; yield the first three numbers of its network, of which it has the address ``.1``."""
    subnet = _claim_subnet()
    bridge = bridge_name(subnet)
    rules = [["-i", bridge, "-j", "ACCEPT"], ["-o", bridge, "-j", "ACCEPT"]]
    try:
        run("ip", "addr", "add", f"{subnet}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        for rule in rules:
            run("iptables", "-I", "FORWARD", *rule, check=False)
        yield subnet
    finally:
        for rule in rules:
            run("iptables", "-D", "FORWARD", *rule, check=False)
        run("ip", "link", "del", bridge, check=False)


def bridge_name(subnet: str) -> str:
    """Return the name of a network's bridge."""
    return f"aml{subnet.replace('.', '')}"


def run(*command: str, check: bool = True) -> str:
    """Run a command; return what it printed.

    :raises RuntimeError: where it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _claim_subnet() -> str:
    """Make the first bridge that nobody has; its name says its network. Those of killed tests may still be there."""
    used = run("ip", "-4", "-o", "addr")
    for number in range(1, 255):
        subnet = f"10.98.{number}"
        bridge = ["ip", "link", "add", bridge_name(subnet), "type", "bridge"]
        taken = f" {subnet}." in used
        if not taken and subprocess.run(bridge, capture_output=True, check=False).returncode == 0:
            return subnet
    raise RuntimeError("No bridge can be made: ip link add … type bridge")
