"""Compiled Python files for layers: a container's files are read-only, so nothing would ever be compiled there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from aml_plugins.images.layers import Entry

__all__ = ["with_byte_code"]

# Run by the Python that the image has. Files that never change need no check against their source.
_COMPILE = """
import importlib.util, json, marshal, sys
for line in sys.stdin:
    source, shown, target = json.loads(line)
    with open(source, "rb") as file:
        text = file.read()
    try:
        code = compile(text, shown, "exec", dont_inherit=True)
    except Exception:
        continue
    with open(target, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(text))
        file.write(marshal.dumps(code))
print(sys.implementation.cache_tag)
"""


def with_byte_code(python: str, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the entries, and what ``python`` makes of those that are Python files.

    A fresh process, the same order and the same hash seed make the same bytes again.
    """
    plain = sorted(entries, key=lambda entry: entry.path)
    yield from plain
    sources = [
        entry
        for entry in plain
        if entry.source is not None and entry.path.endswith(".py") and "/tests/" not in entry.path
    ]
    with TemporaryDirectory(prefix="aml-byte-code-") as folder:
        targets = [Path(folder, str(number)) for number in range(len(sources))]
        orders = (
            json.dumps([str(entry.source), f"/{entry.path}", str(target)])
            for entry, target in zip(sources, targets, strict=True)
        )
        done = subprocess.run(
            [python, "-I", "-W", "ignore", "-c", _COMPILE],
            input="\n".join(orders),
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": "0"},
            check=False,
        )
        tag = done.stdout.strip()
        for entry, target in zip(sources, targets, strict=True):
            if tag and target.is_file():
                above, _, name = entry.path.rpartition("/")
                yield Entry(f"{above}/__pycache__/{name[:-3]}.{tag}.pyc", content=target.read_bytes())
