"""Look at a plugin before it is used: pluggy would let most of these mistakes pass in silence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pluggy

from aml_plugins.suggestions import did_you_mean

__all__ = ["accepted_arguments", "mistakes"]

_SPEC_MARK = "aml_plugins_spec"


def mistakes(manager: pluggy.PluginManager, plugin: object) -> Iterator[str]:
    """Yield one sentence for each reason why ``plugin`` cannot be used."""
    if inspect.isclass(plugin):
        yield f"the class {plugin.__name__} is registered instead of an instance of it."
        return
    marked = 0
    for name in dir(plugin):
        options: Any = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            marked += 1
            yield from _mistakes_of_function(manager, getattr(plugin, name), options.get("specname") or name, options)
        elif _lacks_mark(manager, plugin, name):
            marked += 1
            yield f"{name} is not marked with aml_plugins.hookimpl."
    if not marked:
        yield "it implements no hook; mark its functions with aml_plugins.hookimpl."


@functools.lru_cache(maxsize=256)
def accepted_arguments(function: Callable[..., Any], known: frozenset[str]) -> frozenset[str]:
    """Return which of the hook's arguments the function takes. It may leave any of them out."""
    return known & frozenset(inspect.signature(function).parameters)


def _lacks_mark(manager: pluggy.PluginManager, plugin: object, name: str) -> bool:
    if name not in vars(manager.hook):
        return False
    function = inspect.getattr_static(plugin, name, None)
    return inspect.isroutine(function) and not hasattr(function, _SPEC_MARK)


def _mistakes_of_function(
    manager: pluggy.PluginManager, function: Callable[..., Any], hook: str, options: Any
) -> Iterator[str]:
    caller: pluggy.HookCaller | None = vars(manager.hook).get(hook)
    if caller is None or caller.spec is None:
        if not options.get("optionalhook"):
            hint = did_you_mean(hook, vars(manager.hook))
            yield f"there is no hook {hook}.{hint} Mark it optionalhook=True if a newer version has it."
        return
    if options.get("wrapper") or options.get("hookwrapper"):
        yield f"{hook} is a wrapper; each plugin is called on its own, so there is nothing to wrap."
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{hook} is an 'async def', which nobody would await; make it a plain function."
    yield from _wrong_arguments(function, hook, caller.spec.argnames)


def _wrong_arguments(function: Callable[..., Any], hook: str, known: tuple[str, ...]) -> Iterator[str]:
    has = f"its arguments are: {', '.join(known)}." if known else "it has no argument."
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            yield f"{hook} takes '{parameter}'; name the arguments that it needs: {has}"
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            yield f"{hook} takes '{parameter.name}' by position only; arguments are passed by name."
        elif parameter.name not in known and parameter.default is parameter.empty:
            hint = did_you_mean(parameter.name, known)
            yield f"{hook} takes '{parameter.name}', which is not an argument of this hook: {has}{hint}"
