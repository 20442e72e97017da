"""Remember what is wrong with plugins."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from aml_plugins.errors import PluginError
from aml_plugins.plugins.values import Candidate, PluginProblem

__all__ = ["Problems", "sentence"]

logger = logging.getLogger(__name__)


class Problems:
    """The problems of one set of plugins, each told once.

    :param strict: raise instead of going on; for the continuous integration of plugin authors.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._found: dict[PluginProblem, None] = {}  # a set that keeps the order

    def add(self, candidate: Candidate, error: str) -> None:
        """Note a problem.

        :raises PluginError: in strict mode.
        """
        problem = PluginProblem(
            plugin=candidate.name,
            distribution=candidate.distribution,
            version=candidate.version,
            entry_point=candidate.entry_point,
            error=error,
        )
        if problem in self._found:
            return
        self._found[problem] = None
        if self._strict:
            raise PluginError(str(problem), "Unset AML_PLUGINS_STRICT to go on without it.")
        logger.warning("%s", problem)

    def all(self) -> Sequence[PluginProblem]:
        """Return what was noted so far, in that order."""
        return tuple(self._found)

    def of(self, plugin: str) -> Sequence[str]:
        """Return the sentences about one plugin."""
        return tuple(problem.error for problem in self._found if problem.plugin == plugin)


def sentence(error: BaseException) -> str:
    """Return an exception as one line."""
    words = " ".join(str(error).split())
    name = type(error).__name__
    return f"{name}: {words[:500]}" if words else f"{name}."
