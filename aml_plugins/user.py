"""Who asks for something on this machine, as tables show it; it decides nothing."""

from __future__ import annotations

import getpass

__all__ = ["user_name"]


def user_name() -> str:
    """Return the name of this process's user; empty where the system knows none, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
