"""Two distributions that claim one name."""

from __future__ import annotations

import pytest

DESCRIBE = """
from aml_plugins.hookspecs import TypeDescription, hookimpl
@hookimpl
def aml_datastore_types():
    return [TypeDescription(name=name, factory="collections:OrderedDict", summary="") for name in {names}]
"""


@pytest.fixture
def rivals(fabricate):
    first = fabricate("first-store", {"first": "first"}, {"first": DESCRIBE.format(names=["s3", "first"])})
    second = fabricate("second-store", {"second": "second"}, {"second": DESCRIBE.format(names=["s3", "second"])})
    return first, second


def test_using_a_name_that_two_claim_names_both(ask, rivals):
    code = """
from aml_plugins.errors import PluginError
from aml_plugins.plugins import default_plugins
try:
    default_plugins().load("aml_datastore_types", "s3")
    answer = None
except PluginError as error:
    answer = [error.what, error.fix]
"""
    what, fix = ask(code, *rivals)
    assert what == (
        "The datastore type 's3' is provided by more than one plugin:"
        " 'first' of first-store 0.1 and 'second' of second-store 0.1."
    )
    assert fix == "Uninstall one, or name it in AML_PLUGINS_DISABLED."


def test_the_other_names_of_both_go_on_working(ask, rivals):
    code = """
from aml_plugins.plugins import default_plugins
plugins = default_plugins()
names = [name for name in plugins.types("aml_datastore_types") if name in {"directory", "first", "s3", "second"}]
answer = [sorted(names), plugins.load("aml_datastore_types", "second").__name__]
"""
    assert ask(code, *rivals) == [["directory", "first", "second"], "OrderedDict"]


def test_both_are_listed_with_the_problem(ask, rivals):
    code = "from aml_plugins.plugins import default_plugins as d; answer = {i.name: i.problems for i in d().describe()}"
    found = ask(code, *rivals)
    assert found["first"] == found["second"]
    assert "provided by more than one plugin" in found["first"][0]


def test_disabling_one_gives_the_name_to_the_other(ask, rivals):
    code = "from aml_plugins.plugins import default_plugins as d; answer = 's3' in d().types('aml_datastore_types')"
    assert ask(code, *rivals, AML_PLUGINS_DISABLED="second-store") is True


def test_one_distribution_may_not_claim_a_built_in_name(ask, fabricate):
    impostor = fabricate("impostor", {"impostor": "impostor"}, {"impostor": DESCRIBE.format(names=["directory"])})
    code = """
from aml_plugins.plugins import default_plugins
try:
    answer = default_plugins().load("aml_datastore_types", "directory").__name__
except Exception as error:
    answer = str(error)
"""
    assert "aml-plugins" in ask(code, impostor)
    assert "impostor 0.1" in ask(code, impostor)


def test_a_command_that_aml_has_itself_is_told_to_whoever_checks(run_python, fabricate):
    source = """
from aml_plugins.hookspecs import CommandDescription, hookimpl

@hookimpl
def aml_commands():
    return [CommandDescription(name="run", factory="click:Command", summary="")]
"""
    directory = fabricate("runner-plugin", {"runner": "runner_plugin"}, {"runner_plugin": source})
    code = "from aml_plugins.cli.app import run; raise SystemExit(run(['plugins', 'check', 'runner']))"
    done = run_python(code, directory)
    assert done.returncode == 1
    assert "runner: the command 'run' is never reached, for aml has one of that name." in done.stdout
