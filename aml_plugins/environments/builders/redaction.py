"""Keep passwords in addresses out of logs and reasons."""

from __future__ import annotations

import re

__all__ = ["redact"]

_USER = re.compile(r"//(?!git@)[^/\s@'\"]+@")
_CONDA_TOKEN = re.compile(r"/t/[^/\s'\"]+/")


def redact(text: str) -> str:
    """Return the text with the user and password of each address, and conda's tokens in paths, replaced by stars."""
    return _CONDA_TOKEN.sub("/t/****/", _USER.sub("//****@", text))
