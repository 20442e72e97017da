"""From entry points to a set of plugins that can be asked."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Mapping, Sequence

import pluggy

from aml_plugins import hookspecs
from aml_plugins.plugins.calling import FAILURES
from aml_plugins.plugins.entry_points import installed
from aml_plugins.plugins.problems import Problems, sentence
from aml_plugins.plugins.registry import Plugins
from aml_plugins.plugins.values import Candidate
from aml_plugins.plugins.verification import mistakes
from aml_plugins.suggestions import did_you_mean

__all__ = ["default_plugins", "load_plugins", "plugins_of"]

logger = logging.getLogger(__name__)


class _Manager(pluggy.PluginManager):
    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """Pass over what Python itself puts into a module: half of all names, each of them asked about at length."""
        return None if name.startswith("__") else super().parse_hookimpl_opts(plugin, name)


@functools.cache
def default_plugins() -> Plugins:
    """Return the installed plugins, loaded once a process."""
    return load_plugins(os.environ)


def load_plugins(environ: Mapping[str, str]) -> Plugins:
    """Load the installed plugins; a broken one is recorded as a problem and the others go on.

    ``AML_PLUGINS_DISABLED=name,name`` blocks plugins or whole distributions, ``AML_PLUGINS_STRICT=1`` makes any
    problem an error, ``AML_PLUGINS_TRACE=1`` prints each hook call.

    :raises PluginError: in strict mode only.
    """
    disabled = frozenset(filter(None, map(str.strip, environ.get("AML_PLUGINS_DISABLED", "").split(","))))
    return _load(
        installed(),
        disabled=disabled,
        strict=_is_on(environ, "AML_PLUGINS_STRICT"),
        trace=_is_on(environ, "AML_PLUGINS_TRACE"),
    )


def plugins_of(objects: Mapping[str, object], *, strict: bool = True) -> Plugins:
    """Make a set of plugins of modules or objects instead of entry points: for tests and embedding."""
    candidates = [
        Candidate(name=name, distribution=name, version="", entry_point="", load=functools.partial(_same, plugin))
        for name, plugin in objects.items()
    ]
    return _load(candidates, disabled=frozenset(), strict=strict, trace=False)


def _load(candidates: Sequence[Candidate], *, disabled: frozenset[str], strict: bool, trace: bool) -> Plugins:
    manager = _Manager("aml_plugins")
    manager.add_hookspecs(hookspecs)
    problems = Problems(strict=strict)
    _warn_of_unknown(disabled, candidates)
    for candidate in candidates:
        if disabled & {candidate.name, candidate.distribution}:
            manager.set_blocked(candidate.name)
        else:
            _register(manager, candidate, problems)
    return Plugins(manager, candidates, problems, trace=trace)


def _register(manager: pluggy.PluginManager, candidate: Candidate, problems: Problems) -> None:
    """Register a plugin whole, or not at all."""
    try:
        plugin = candidate.load()
        found = list(mistakes(manager, plugin))
        twin = manager.get_name(plugin)
    except FAILURES as error:
        problems.add(candidate, f"loading it ended with {sentence(error)}")
        return
    if twin is not None:
        found.append(f"it is the same object as the plugin '{twin}'.")
    for mistake in found:
        problems.add(candidate, mistake)
    if not found:
        manager.register(plugin, candidate.name)


def _warn_of_unknown(disabled: frozenset[str], candidates: Sequence[Candidate]) -> None:
    known = {candidate.name for candidate in candidates} | {candidate.distribution for candidate in candidates}
    for name in sorted(disabled - known):
        logger.warning(
            "AML_PLUGINS_DISABLED names '%s', and no such plugin is installed.%s", name, did_you_mean(name, known)
        )


def _is_on(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() not in {"", "0", "false", "no"}


def _same(plugin: object) -> object:
    return plugin
