"""Put together the environment variables that plugins contribute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aml_plugins.errors import PluginError

__all__ = ["merged"]


def merged(answers: Iterable[tuple[str, object]]) -> dict[str, str]:
    """Return all variables. Values may be secret, so messages speak of names only.

    :raises PluginError: where an answer is no mapping of texts, or two plugins set one name differently.
    """
    values: dict[str, str] = {}
    setter: dict[str, str] = {}
    for plugin, answer in answers:
        for name, value in _variables(plugin, answer).items():
            if values.setdefault(name, value) != value:
                raise PluginError(
                    f"The plugins '{setter[name]}' and '{plugin}' set the environment variable '{name}' differently.",
                    "Change the settings of one, or name it in AML_PLUGINS_DISABLED.",
                )
            setter.setdefault(name, plugin)
    return values


def _variables(plugin: str, answer: object) -> Mapping[str, str]:
    if answer is None:
        return {}
    if not isinstance(answer, Mapping):
        raise PluginError(f"The plugin '{plugin}' answered aml_run_environment with a {type(answer).__name__}.")
    for name, value in answer.items():
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise PluginError(f"The plugin '{plugin}' sets {name!r}, which is no name of an environment variable.")
        if not isinstance(value, str) or "\0" in value:
            raise PluginError(
                f"The plugin '{plugin}' sets the environment variable '{name}' to something else than text."
            )
    return answer
