"""Run a program that never hears of a change of the network: ``python still_network.py PROGRAM ARGUMENT...``.

Chromium drops everything it loads (``net::ERR_NETWORK_CHANGED``) when a bridge or a pod of another test comes or goes,
also what comes over loopback. It learns of that from a netlink socket; without one it takes the network for unchanging.
"""

from __future__ import annotations

import errno
import os
import shlex
import socket
import sys
from pathlib import Path

__all__ = ["still"]


def still(program: str, directory: Path) -> Path:
    """Write a program that is started as the given one is, and runs it in a still network where the kernel is Linux."""
    if sys.platform != "linux":
        return Path(program)
    made = directory / Path(program).name
    made.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, __file__, program])} "$@"\n')
    made.chmod(0o700)
    return made


def _deny_netlink() -> None:
    import pyseccomp

    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    rules.add_rule(pyseccomp.ERRNO(errno.EAFNOSUPPORT), "socket", pyseccomp.Arg(0, pyseccomp.EQ, socket.AF_NETLINK))
    rules.load()


if __name__ == "__main__":
    _deny_netlink()
    os.execv(sys.argv[1], sys.argv[1:])
