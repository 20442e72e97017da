"""Add a noun to the command line."""

from aml_plugins.hookspecs import CommandDescription, hookimpl


@hookimpl
def aml_commands():
    return [CommandDescription(name="greet", factory="aml_test_plugin.greet:greet", summary="Say hello.")]
