"""The limits, and who breaks them."""

from __future__ import annotations

from collections import Counter

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.values import SHOWN, SnapshotLimits, some_of
from aml_plugins.runs.snapshot.walking import Tree

__all__ = ["check_limits"]

MIB = 1024 * 1024


def check_limits(tree: Tree, limits: SnapshotLimits) -> None:
    """Refuse a tree that is empty or too large.

    :raises InvalidInputError: naming the ten largest culprits.
    """
    count = len(tree.files) + len(tree.links)
    if count == 0:
        raise InvalidInputError(
            f"The snapshot of '{tree.root}' would be empty.",
            "Name the directory that has the script, or see its ignore file.",
        )
    if count > limits.max_files:
        raise _too_many(tree, count, limits.max_files)
    total = sum(found[1] for found in tree.files.values())
    if total > limits.max_bytes:
        raise _too_large(tree, total, limits.max_bytes)


def _too_many(tree: Tree, count: int, limit: int) -> InvalidInputError:
    counted = f"more than {limit:,} files (counting ended at {count:,})" if tree.truncated else f"{count:,} files"
    culprits = "; ".join(f"{some_of([name])} {files:,}" for name, files in _crowded(tree))
    return InvalidInputError(
        f"The snapshot of '{tree.root}' has {counted}, more than the limit of {limit:,}"
        + (f"; the largest directories: {culprits}." if culprits else "."),
        "Name what the script does not need in .amlignore, or raise the limit with AML_SNAPSHOT_MAX_FILES.",
    )


def _too_large(tree: Tree, total: int, limit: int) -> InvalidInputError:
    largest = sorted(tree.files.items(), key=lambda item: (-item[1][1], item[0]))[:SHOWN]
    culprits = "; ".join(f"{some_of([name])} {_amount(found[1])}" for name, found in largest)
    return InvalidInputError(
        f"The snapshot of '{tree.root}' has {_amount(total)}, more than the limit of {_amount(limit)}; "
        f"the largest files: {culprits}.",
        "Name what the script does not need in .amlignore, or raise the limit with AML_SNAPSHOT_MAX_BYTES.",
    )


def _crowded(tree: Tree) -> list[tuple[str, int]]:
    """Return the directories with the most files below them; one whose files are mostly one child's gives way to it."""
    below: Counter[str] = Counter()
    for path in (*tree.files, *tree.links):
        cut = path.rfind("/")
        while cut > 0:
            below[path[: cut + 1]] += 1
            cut = path.rfind("/", 0, cut)
    hidden = {
        name[: name.rfind("/", 0, -1) + 1]
        for name, files in below.items()
        if 2 * files > below[name[: name.rfind("/", 0, -1) + 1]]
    }
    largest = sorted(
        ((name, files) for name, files in below.items() if name not in hidden), key=lambda item: (-item[1], item[0])
    )
    return largest[:SHOWN]


def _amount(size: int) -> str:
    return f"{size / MIB:,.1f} MB" if size >= MIB / 10 else f"{size:,} bytes"
