"""The loaded plugins, and what can be asked of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import pluggy

from aml_plugins.errors import PluginError
from aml_plugins.hookspecs import CommandDescription, Problem, TypeDescription
from aml_plugins.plugins.calling import FAILURES, HookCalls
from aml_plugins.plugins.descriptions import Described, Table, import_factory, kind_of, wrong_description
from aml_plugins.plugins.problems import Problems, sentence
from aml_plugins.plugins.values import Candidate, PluginInfo, PluginProblem
from aml_plugins.plugins.variables import merged
from aml_plugins.suggestions import did_you_mean

__all__ = ["Plugins"]

logger = logging.getLogger(__name__)

_COMMANDS = "aml_commands"
T = TypeVar("T")


class Plugins:
    """A set of plugins. Made by ``load_plugins`` or ``plugins_of``; safe to share between threads."""

    def __init__(
        self, manager: pluggy.PluginManager, candidates: Iterable[Candidate], problems: Problems, *, trace: bool
    ) -> None:
        self._manager = manager
        self._candidates = {candidate.name: candidate for candidate in candidates}
        self._problems = problems
        self._calls = HookCalls(manager, trace=trace)
        self._tables: dict[str, Table] = {}
        self._factories: dict[tuple[str, str], object] = {}

    @property
    def problems(self) -> Sequence[PluginProblem]:
        """What was found wrong so far; describing hooks are asked when they are first needed."""
        return self._problems.all()

    def types(self, hook: str) -> Mapping[str, TypeDescription]:
        """Return the types that plugins describe, by name; names claimed twice are left out."""
        usable = self._table(hook).usable()
        return {name: found for name, found in usable.items() if isinstance(found, TypeDescription)}

    def commands(self) -> Sequence[CommandDescription]:
        """Return the nouns that plugins add to the command line; ``load("aml_commands", name)`` imports one."""
        usable = self._table(_COMMANDS).usable().values()
        return [found for found in usable if isinstance(found, CommandDescription)]

    def load(self, hook: str, name: str) -> object:
        """Import the factory of a type (or command) on first use.

        :raises PluginError: for a name that is unknown, claimed by two plugins, or whose import fails.
        :raises MissingExtraError: where an extra of ours is not installed.
        """
        if (hook, name) not in self._factories:
            candidate, description = self._table(hook).get(name)
            self._factories[hook, name] = import_factory(hook, candidate, description)
        return self._factories[hook, name]

    def load_class(self, hook: str, name: str, base: type[T]) -> type[T]:
        """Import the class of a type, as :meth:`load` does.

        :raises PluginError: also where it is not a subclass of ``base``.
        """
        loaded = self.load(hook, name)
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            article = "an" if base.__name__[0] in "AEIOU" else "a"
            raise PluginError(
                f"The plugin for {kind_of(hook)} '{name}' does not provide {article} {base.__name__}.",
                "Run: aml plugins check",
            )
        return loaded

    def notify(self, hook: str, **arguments: object) -> None:
        """Tell every observer; one that raises is logged, and the others are told all the same."""
        for turn in self._calls.turns(hook):
            try:
                self._calls.call(hook, turn, arguments)
            except FAILURES as error:
                logger.warning("The plugin '%s' failed in %s: %s", turn.plugin_name, hook, sentence(error))
                logger.debug("The plugin '%s' failed in %s", turn.plugin_name, hook, exc_info=True)

    def collect(self, hook: str, **arguments: object) -> Sequence[tuple[str, Problem]]:
        """Return the problems that policies see, each with its plugin.

        A policy that fails objects: nobody knows what it would have said.
        """
        return [found for turn in self._calls.turns(hook) for found in self._objections(hook, turn, arguments)]

    def run_environment(self, run: object) -> dict[str, str]:
        """Return the environment variables that plugins contribute to a run.

        :raises PluginError: where a plugin fails, or two set one name differently.
        """
        hook = "aml_run_environment"
        answers = []
        for turn in self._calls.turns(hook):
            plugin = turn.plugin_name
            try:
                answers.append((plugin, self._calls.call(hook, turn, {"run": run})))
            except FAILURES as error:
                raise PluginError(
                    f"The plugin '{plugin}' failed in {hook}: {sentence(error)}",
                    f"Repair it, or name it in AML_PLUGINS_DISABLED ({self._candidates[plugin].origin}).",
                ) from error
        return merged(answers)

    def describe(self) -> Sequence[PluginInfo]:
        """Return all plugins with their hooks, types and problems: the working, the broken and the disabled."""
        tables = [self._table(hook) for hook in self._describing_hooks()]
        return [self._info(candidate, tables) for candidate in self._candidates.values()]

    def check(self, name: str) -> Sequence[str]:
        """Return what is wrong with a plugin, one sentence each; loads every factory it names.

        :raises PluginError: for a name that is not installed.
        """
        from aml_plugins.plugins.checking import check_plugin  # noqa: PLC0415  only ``aml plugins check`` needs it

        if name not in self._candidates:
            names = ", ".join(sorted(self._candidates))
            raise PluginError(
                f"There is no plugin '{name}'.{did_you_mean(name, self._candidates)}", f"There is: {names}."
            )
        if self._manager.get_plugin(name) is None:
            return self._problems.of(name) or ["it is disabled by AML_PLUGINS_DISABLED."]
        tables = [self._table(hook) for hook in self._describing_hooks()]
        provided = [(table, type_name) for table in tables for type_name in table.of(name)]
        return [*self._problems.of(name), *check_plugin(self.load, self._candidates[name], provided)]

    def _table(self, hook: str) -> Table:
        if hook not in self._tables:
            table = Table(hook, [found for turn in self._calls.turns(hook) for found in self._asked(hook, turn)])
            for name, claimants in table.conflicts().items():
                for candidate in claimants:
                    self._problems.add(candidate, table.conflict(name))
            self._tables[hook] = table
        return self._tables[hook]

    def _asked(self, hook: str, turn: pluggy.HookImpl) -> Iterator[Described]:
        candidate = self._candidates[turn.plugin_name]
        try:
            answers = list(self._calls.call(hook, turn, {}))
        except FAILURES as error:
            self._problems.add(candidate, f"{hook} failed: {sentence(error)}")
            return
        for description in answers:
            wrong = wrong_description(hook, description)
            if wrong:
                self._problems.add(candidate, wrong)
            else:
                yield candidate, description

    def _objections(
        self, hook: str, turn: pluggy.HookImpl, arguments: Mapping[str, object]
    ) -> Iterator[tuple[str, Problem]]:
        try:
            problems = list(self._calls.call(hook, turn, arguments) or ())
            if not all(isinstance(problem, Problem) for problem in problems):
                raise TypeError("it returned something else than Problem objects")
        except FAILURES as error:
            problems = [Problem(what=f"{hook} failed: {sentence(error)}.", fix="Repair this policy plugin.")]
        yield from ((turn.plugin_name, problem) for problem in problems)

    def _describing_hooks(self) -> Sequence[str]:
        return [hook for hook in sorted(vars(self._manager.hook)) if hook.endswith("_types") or hook == _COMMANDS]

    def _info(self, candidate: Candidate, tables: Iterable[Table]) -> PluginInfo:
        plugin = self._manager.get_plugin(candidate.name)
        callers = (self._manager.get_hookcallers(plugin) if plugin is not None else None) or []
        return PluginInfo(
            name=candidate.name,
            distribution=candidate.distribution,
            version=candidate.version,
            entry_point=candidate.entry_point,
            hooks=tuple(sorted(caller.name for caller in callers)),
            types=tuple(
                f"{kind_of(table.hook).removesuffix(' type')} {name}"
                for table in tables
                for name in table.of(candidate.name)
            ),
            problems=self._problems.of(candidate.name),
            disabled=self._manager.is_blocked(candidate.name),
        )
