"""Which paths stay at home: one ignore file, at the root, in git's syntax."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from pathlib import Path

from aml_plugins.errors import InvalidInputError
from aml_plugins.runs.snapshot.patterns import Rule, parse_rules

__all__ = ["IgnoreRules", "stays_at_home"]

IGNORE_FILES = (".amlignore", ".gitignore")


class IgnoreRules:
    """The rules of one directory, with the verdicts that an earlier snapshot under the same rules reached.

    ``.git`` never travels: every fetch changes it, and it holds the whole history and often credentials. Nothing else
    is ignored without being named, as in Azure ML.

    :ivar identity: differs where the rules differ.
    :ivar learned: a verdict was reached that no earlier snapshot knew.
    :ivar ignored: what was ignored this time, directories with a ``/`` at the end.
    """

    def __init__(self, root: str) -> None:
        self.file, self._text = _ignore_file(root)
        self.identity = hashlib.sha256(self._text or b"").hexdigest() if self.file else ""
        self.learned = False
        self.ignored: set[str] = set()
        self._kept_before: tuple[Container[str], Container[str]] = ((), ())
        self._ignored_before: Container[str] = ()
        self._rules: list[Rule] | None = None

    def remember(self, files: Container[str], directories: Container[str], ignored: Container[str]) -> None:
        """Take over the verdicts reached under the same rules: a verdict depends on rules and path alone."""
        self._kept_before = (files, directories)
        self._ignored_before = ignored

    def ignores(self, path: str, *, directory: bool) -> bool:
        """Return whether a path stays at home; the parents of ``path`` are known to travel."""
        key = path + "/" if directory else path
        if key in self._kept_before[directory]:
            return False
        verdict = key in self._ignored_before or self._match(path, directory=directory)
        if verdict:
            self.ignored.add(key)
        return verdict

    def _match(self, path: str, *, directory: bool) -> bool:
        if path == ".git" or path.endswith("/.git"):
            return True
        if self._text is None:
            return False
        self.learned = True
        if self._rules is None:
            self._rules = parse_rules(_bytewise(_decoded(self.file, self._text)))
        name = path if path.isascii() else _bytewise(path)
        for rule in self._rules:
            if (directory or not rule.directories_only) and rule.expression.fullmatch(name):
                return not rule.keeps
        return False


def _ignore_file(root: str) -> tuple[str, bytes | None]:
    for name in IGNORE_FILES:
        try:
            with open(f"{root}/{name}", "rb") as file:  # noqa: PTH123  # a pathlib.Path costs more than the read
                return name, file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InvalidInputError(
                f"The ignore file '{name}' cannot be read: {error.strerror}.", "Make it a readable file, or remove it."
            ) from None
    return "", None


def _decoded(name: str, text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInputError(f"The ignore file '{name}' is not UTF-8 text.", "Save it as UTF-8.") from None


def _bytewise(text: str) -> str:
    """Return one character a byte: git's ``?`` and ``[...]`` stand for bytes."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def stays_at_home(directory: Path, path: str) -> bool:
    """Say whether the ignore file of a directory names a path in it, or a directory above that path.

    :param path: relative, ``/``-separated.
    """
    rules = IgnoreRules(str(directory))
    parts = path.split("/")
    return any(
        rules.ignores("/".join(parts[:count]), directory=count < len(parts)) for count in range(1, len(parts) + 1)
    )
