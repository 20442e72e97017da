"""Taking a snapshot: walk, compare with what is remembered, read what changed, put the zip together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.building import build
from aml_plugins.runs.snapshot.cache import Cache
from aml_plugins.runs.snapshot.ignoring import IgnoreRules
from aml_plugins.runs.snapshot.index import Index, load_index, save_index
from aml_plugins.runs.snapshot.limits import check_limits
from aml_plugins.runs.snapshot.links import resolve_links
from aml_plugins.runs.snapshot.values import Snapshot, SnapshotLimits
from aml_plugins.runs.snapshot.walking import Tree, TreeChangedError, Walk
from aml_plugins.runs.source import check_directory

__all__ = ["take_snapshot"]

ATTEMPTS = 5
PAUSE_SECONDS = 0.05
# How far beyond the limit files are counted, so that a home directory named by mistake is refused in seconds.
COUNTED = 20


def take_snapshot(
    directory: Path,
    *,
    cache: Path,
    limits: SnapshotLimits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Snapshot:
    """Zip a directory as it is now; nothing is read that an earlier snapshot in the same cache has read unchanged.

    The directory is only read. Several processes may use one cache, and one directory, at the same time.

    :param directory: all of it travels, less what its ignore file names: ``.amlignore``, else ``.gitignore``.
    :param cache: where zips and indexes are kept; made where it is missing.
    :param limits: those of the environment by default.
    :param progress: called with the files and bytes done so far, often.
    :raises InvalidInputError: where the directory is missing, empty, too large, unreadable or restless.
    :raises OperationFailedError: where the cache is full or cannot be written; nothing is left behind.
    """
    limits = limits or SnapshotLimits.from_environment()
    root = _root(directory)
    store = Cache(cache.absolute())
    for attempt in range(ATTEMPTS):
        try:
            with store.sentences():
                return _take(root, store, limits, progress)
        except TreeChangedError:
            time.sleep(PAUSE_SECONDS * attempt)
    raise InvalidInputError(
        f"The directory '{directory}' changes while it is read.", "Stop what writes there, or name it in .amlignore."
    )


def _root(directory: Path) -> str:
    check_directory(directory)
    return os.path.realpath(directory)


def _take(root: str, cache: Cache, limits: SnapshotLimits, progress: Callable[[int, int], None] | None) -> Snapshot:
    started = time.time_ns()
    rules = IgnoreRules(root)
    index = load_index(cache, root)
    if index is not None and index.rules == rules.identity:
        rules.remember(index.files, index.directories, index.ignored)
    tree = _walk(root, rules, cache, limits)
    check_limits(tree, limits)
    if index is None or not _unchanged(tree, rules, index):
        cache.prepare()
        index = build(tree, cache, index, rules=rules, started=started, progress=progress)
    elif rules.learned:
        cache.prepare()
        index.ignored = rules.ignored
        save_index(cache, index)
    return Snapshot(
        digest=index.digest,
        path=cache.zip_path(index.digest),
        size=index.archive[1],
        files=len(tree.files) + len(tree.links),
        skipped=tuple(sorted(tree.skipped)),
    )


def _walk(root: str, rules: IgnoreRules, cache: Cache, limits: SnapshotLimits) -> Tree:
    tree = Tree(root=root)
    walk = Walk(tree, rules, stop_after=limits.max_files * COUNTED, never=str(cache.root))
    walk.enter("", root)
    resolve_links(walk)
    walk.check()
    return tree


def _unchanged(tree: Tree, rules: IgnoreRules, index: Index) -> bool:
    return (
        index.rules == rules.identity
        and tree.files == index.files
        and tree.directories == index.directories
        and tree.links == index.links
    )
