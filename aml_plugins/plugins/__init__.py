"""Find plugins, live with broken ones, and ask them."""

from aml_plugins.plugins.loading import default_plugins, load_plugins, plugins_of
from aml_plugins.plugins.registry import Plugins
from aml_plugins.plugins.values import PluginInfo, PluginProblem

__all__ = ["PluginInfo", "PluginProblem", "Plugins", "default_plugins", "load_plugins", "plugins_of"]
