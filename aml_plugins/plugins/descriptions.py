"""What plugins provide, by hook and name, and the factories behind the names."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import TypeAlias

from aml_plugins.errors import MissingExtraError, PluginError
from aml_plugins.hookspecs import CommandDescription, TypeDescription
from aml_plugins.plugins.calling import FAILURES
from aml_plugins.plugins.problems import sentence
from aml_plugins.plugins.values import Candidate
from aml_plugins.suggestions import did_you_mean

__all__ = ["Described", "Description", "Table", "import_factory", "kind_of", "wrong_description"]

Description: TypeAlias = TypeDescription | CommandDescription
Described: TypeAlias = tuple[Candidate, Description]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def kind_of(hook: str) -> str:
    """Return what a describing hook describes, in words: ``compute target type``, ``command``."""
    return hook.removeprefix("aml_").removesuffix("s").replace("_", " ")


def wrong_description(hook: str, description: object) -> str | None:
    """Say what is wrong with what a plugin returned, None where it is well."""
    wanted = CommandDescription if hook == "aml_commands" else TypeDescription
    if not isinstance(description, wanted):
        return f"{hook} returned a {type(description).__name__} where a {wanted.__name__} belongs."
    if not _NAME.fullmatch(str(description.name)):
        return f"{hook} names a {kind_of(hook)} {description.name!r}; use lower case letters, digits and hyphens."
    if not _FACTORY.fullmatch(str(description.factory)):
        return f"{hook} gives '{description.name}' the factory {description.factory!r}; write \"module:attribute\"."
    return None


class Table:
    """The answers of all plugins to one describing hook. A name that two describe belongs to neither."""

    def __init__(self, hook: str, answers: Iterable[Described]) -> None:
        self.hook = hook
        self._by_name: dict[str, list[Described]] = {}
        for candidate, description in answers:
            self._by_name.setdefault(description.name, []).append((candidate, description))

    def usable(self) -> Mapping[str, Description]:
        """Return the descriptions whose names are unique."""
        return {name: found[0][1] for name, found in sorted(self._by_name.items()) if len(found) == 1}

    def conflicts(self) -> Mapping[str, Sequence[Candidate]]:
        """Return the plugins that claim one name, by that name."""
        return {name: [candidate for candidate, _ in found] for name, found in self._by_name.items() if len(found) > 1}

    def of(self, plugin: str) -> Sequence[str]:
        """Return the names that one plugin describes."""
        return [
            name for name, found in self._by_name.items() if any(candidate.name == plugin for candidate, _ in found)
        ]

    def get(self, name: str) -> Described:
        """Return one description and whose it is.

        :raises PluginError: for a name that nobody describes, or more than one plugin.
        """
        found = self._by_name.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise PluginError(self.conflict(name), "Uninstall one, or name it in AML_PLUGINS_DISABLED.")
        known = ", ".join(self.usable()) or "none"
        raise PluginError(
            f"There is no {kind_of(self.hook)} '{name[:100]}'.{did_you_mean(name, self.usable())}",
            f"Installed: {known}. See: aml plugins list",
        )

    def conflict(self, name: str) -> str:
        """Say in one sentence who claims a name."""
        who = " and ".join(sorted(f"'{candidate.name}' of {candidate.origin}" for candidate, _ in self._by_name[name]))
        return f"The {kind_of(self.hook)} '{name}' is provided by more than one plugin: {who}."


def import_factory(hook: str, candidate: Candidate, description: Description) -> object:
    """Import what a description names.

    :raises MissingExtraError: where it needs an extra of ours that is not installed.
    :raises PluginError: where it cannot be imported otherwise.
    """
    what = f"{kind_of(hook)} '{description.name}'"
    module, attribute = description.factory.split(":")
    try:
        return reduce(getattr, attribute.split("."), importlib.import_module(module))
    except FAILURES as error:
        extra = getattr(description, "extra", None)
        if extra and isinstance(error, ImportError) and not _is_its_own(error, module):
            raise MissingExtraError(f"The {what}", extra) from error
        raise PluginError(
            f"The {what} cannot be used: importing {description.factory} ended with {sentence(error)}",
            f"Repair or update {candidate.origin}, which provides it.",
        ) from error


def _is_its_own(error: ImportError, module: str) -> bool:
    """Say whether the plugin misses a part of itself: no extra would bring it."""
    return (error.name or "").partition(".")[0] == module.partition(".")[0]
