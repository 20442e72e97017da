"""Compiled Python files for layers: a container's files are read-only, so nothing would ever be compiled there."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from aml_plugins.images.layers import Entry

__all__ = ["with_byte_code"]

_FILES = 250
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

    Fresh processes, the same files in the same order in each, and the same hash seed make the same bytes again; so how
    many files a process gets does not depend on the machine, only how many processes run at once.
    """
    plain = sorted(entries, key=lambda entry: entry.path)
    yield from plain
    sources = [
        entry
        for entry in plain
        if entry.source is not None and entry.path.endswith(".py") and "/tests/" not in entry.path
    ]
    shares = [sources[start : start + _FILES] for start in range(0, len(sources), _FILES)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for compiled in pool.map(lambda share: _compiled(python, share), shares):
            yield from compiled


def _compiled(python: str, sources: Sequence[Entry]) -> list[Entry]:
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
        return [
            Entry(_beside(entry.path, tag), content=target.read_bytes())
            for entry, target in zip(sources, targets, strict=True)
            if tag and target.is_file()
        ]


def _beside(path: str, tag: str) -> str:
    above, _, name = path.rpartition("/")
    return f"{above}/__pycache__/{name[:-3]}.{tag}.pyc"
