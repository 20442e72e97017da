"""What is known about plugins, as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Candidate", "PluginInfo", "PluginProblem"]


class Candidate(NamedTuple):
    """An entry point that may become a plugin.

    :param name: the entry point's name, made unique with the distribution's where two share it.
    :param entry_point: ``"module"`` or ``"module:attribute"``.
    :param load: import it.
    """

    name: str
    distribution: str
    version: str
    entry_point: str
    load: Callable[[], object]

    @property
    def origin(self) -> str:
        """How messages name the distribution."""
        return f"{self.distribution} {self.version}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginProblem:
    """Why a plugin, or a part of it, cannot be used.

    :param plugin: the name in ``aml plugins list``.
    :param error: one sentence.
    """

    plugin: str
    distribution: str
    version: str
    entry_point: str
    error: str

    def __str__(self) -> str:
        origin = f"{self.distribution} {self.version}".rstrip()
        return f"The plugin '{self.plugin}' of {origin} ({self.entry_point}) has a problem: {self.error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """A plugin as ``aml plugins list`` shows it.

    :param hooks: the hooks that it implements; none where it could not be loaded.
    :param types: what it provides, as in ``compute target local``.
    :param problems: one sentence each.
    :param disabled: it is installed, and blocked by ``AML_PLUGINS_DISABLED``.
    """

    name: str
    distribution: str
    version: str
    entry_point: str
    hooks: Sequence[str] = ()
    types: Sequence[str] = ()
    problems: Sequence[str] = ()
    disabled: bool = False
