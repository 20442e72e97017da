"""Whether the machine was started since a job was brought to it: its processes are gone then."""

from __future__ import annotations

import os

__all__ = ["BOOT", "boot_id", "rebooted"]

BOOT = "boot"
"""File of a job's directory: the machine's start during which it was brought there."""
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def boot_id() -> str:
    """Return what changes whenever the machine starts; empty where nobody knows."""
    try:
        with open(BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def rebooted(path: str) -> bool:
    """Return whether the machine was started since a job was brought to it."""
    try:
        with open(os.path.join(path, BOOT), encoding="ascii") as file:
            return file.read() != boot_id()
    except OSError:
        return False
