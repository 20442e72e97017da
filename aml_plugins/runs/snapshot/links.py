"""Symbolic links: kept where their targets travel too, followed elsewhere (as Azure ML did), never in circles."""

from __future__ import annotations

import errno
import os
import posixpath
import stat

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.values import some_of
from aml_plugins.runs.snapshot.walking import PendingLink, TreeChangedError, Walk, fingerprint

__all__ = ["resolve_links"]


def resolve_links(walk: Walk) -> None:
    """Decide on every link that the walk set aside, and on those found behind them.

    :raises InvalidInputError: for a link that leads back to itself or to a directory around it.
    """
    real = (
        (frozenset(walk.tree.files), frozenset(walk.tree.directories)) if walk.pending else (frozenset(), frozenset())
    )
    while walk.pending:
        link = walk.pending.pop()
        target = _target(walk, link)
        if target is None:
            continue
        inside = _inside(walk.tree.root, target)
        if inside is not None and (inside in real[0] or (inside + "/" if inside else "") in real[1]):
            walk.tree.links[link.path] = posixpath.relpath(inside or ".", posixpath.dirname(link.path) or ".")
        else:
            _follow(walk, link, target)


def _target(walk: Walk, link: PendingLink) -> str | None:
    """Return the real path at a link's end."""
    try:
        return os.path.realpath(link.absolute, strict=True)
    except FileNotFoundError:
        walk.tree.skipped.append(f"{some_of([link.path])} is a symbolic link to nothing and stays behind.")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _circle(link, "leads back to itself") from None
        walk.unreadable.append(link.path)
    return None


def _inside(root: str, target: str) -> str | None:
    if target == root:
        return ""
    return target[len(root) + 1 :] if target.startswith(root.rstrip("/") + "/") else None


def _follow(walk: Walk, link: PendingLink, target: str) -> None:
    try:
        found = os.stat(target)  # noqa: PTH116  # a string from os.path.realpath
    except FileNotFoundError:
        raise TreeChangedError(link.path) from None
    except OSError:
        walk.unreadable.append(link.path)
        return
    if stat.S_ISREG(found.st_mode):
        walk.tree.files[link.path] = fingerprint(found)
    elif not stat.S_ISDIR(found.st_mode):
        walk.tree.skipped.append(f"{some_of([link.path])} is a symbolic link to a device or pipe and stays behind.")
        return
    elif walk.rules.ignores(link.path, directory=True):
        return
    else:
        _check_circle(link, target)
        walk.enter(link.path + "/", target, (*link.chain, target))
    walk.tree.followed[link.path] = target


def _check_circle(link: PendingLink, target: str) -> None:
    around = target.rstrip("/") + "/"
    for entered in (*link.chain, posixpath.dirname(link.absolute)):
        if (entered + "/").startswith(around):
            raise _circle(link, f"leads to '{target}', which contains it")


def _circle(link: PendingLink, how: str) -> InvalidInputError:
    return InvalidInputError(
        f"The symbolic link {some_of([link.path])} {how}.", "Remove the link, or name it in .amlignore."
    )
