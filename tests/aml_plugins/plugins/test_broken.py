"""Broken distributions, made up one by one: the host lives, says what is wrong, and uses the others."""

from __future__ import annotations

import pytest

LOOK = """
from aml_plugins.plugins import default_plugins
plugins = default_plugins()
found = {each.name: each for each in plugins.describe()}
assert "directory" in plugins.types("aml_datastore_types"), "one of ours is gone"
answer = {"problems": list(found["bad"].problems), "hooks": list(found["bad"].hooks)}
"""
MARK = "from aml_plugins.hookspecs import CommandDescription, Problem, TypeDescription, hookimpl\n"

BROKEN = {
    "missing": ("no_such_module", "", "ModuleNotFoundError: No module named 'no_such_module'"),
    "attribute": ("bad:nothing", "x = 1", "AttributeError: module 'bad' has no attribute 'nothing'"),
    "syntax": ("bad", "def (", "SyntaxError"),
    "raises": ("bad", "raise RuntimeError('no licence\\nfound')", "RuntimeError: no licence found"),
    "exits": ("bad", "raise SystemExit(3)", "SystemExit: 3"),
    "malformed": ("bad !", "", "loading it ended with"),
    "empty": ("bad", "x = 1", "it implements no hook"),
    "class": (
        "bad:P",
        MARK + "class P:\n @hookimpl\n def aml_commands(self): ...",
        "the class P is registered instead",
    ),
    "async": ("bad", MARK + "@hookimpl\nasync def aml_commands(): ...", "aml_commands is an 'async def'"),
    "misspelt": (
        "bad",
        MARK + "@hookimpl\ndef aml_validate_runs(run): ...",
        "no hook aml_validate_runs. Did you mean 'aml_validate_run'?",
    ),
    "argument": (
        "bad",
        MARK + "@hookimpl\ndef aml_run_finished(runn): ...",
        "takes 'runn', which is not an argument of this hook: its arguments are: run. Did you mean 'run'?",
    ),
    "superfluous": ("bad", MARK + "@hookimpl\ndef aml_commands(cli): ...", "takes 'cli', which is not an argument"),
    "variadic": ("bad", MARK + "@hookimpl\ndef aml_run_finished(**kw): ...", "takes '**kw'; name the arguments"),
    "positional": ("bad", MARK + "@hookimpl\ndef aml_run_finished(run, /): ...", "takes 'run' by position only"),
    "wrapper": ("bad", MARK + "@hookimpl(wrapper=True)\ndef aml_run_finished(run): yield", "is a wrapper"),
    "unmarked": ("bad", "def aml_commands(): ...", "aml_commands is not marked with aml_plugins.hookimpl"),
    "describing raises": (
        "bad",
        MARK + "@hookimpl\ndef aml_commands(): 1 / 0",
        "aml_commands failed: ZeroDivisionError",
    ),
    "describing exits": ("bad", MARK + "@hookimpl\ndef aml_commands(): exit(1)", "aml_commands failed: SystemExit: 1"),
    "describing nothing": ("bad", MARK + "@hookimpl\ndef aml_commands(): ...", "aml_commands failed: TypeError"),
    "generator raises": (
        "bad",
        MARK + "@hookimpl\ndef aml_datastore_types():\n raise OSError('gone')\n yield",
        "aml_datastore_types failed: OSError: gone",
    ),
    "not a description": (
        "bad",
        MARK + "@hookimpl\ndef aml_datastore_types(): return {'s3': 'm:C'}",
        "returned a str where a TypeDescription belongs",
    ),
    "name": (
        "bad",
        MARK + "@hookimpl\ndef aml_datastore_types(): return [TypeDescription(name='S 3', factory='m:C', summary='')]",
        "names a datastore type 'S 3'; use lower case letters",
    ),
    "factory": (
        "bad",
        MARK + "@hookimpl\ndef aml_datastore_types(): return [TypeDescription(name='s3', factory='m', summary='')]",
        "gives 's3' the factory 'm'; write",
    ),
}


@pytest.mark.parametrize(("entry_point", "source", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_a_problem_and_no_more(ask, fabricate, entry_point, source, sentence):
    directory = fabricate("bad-plugin", {"bad": entry_point}, {"bad": source})
    problems = ask(LOOK, directory)["problems"]
    assert len(problems) == 1
    assert sentence in problems[0]


def test_strict_mode_raises_and_names_plugin_distribution_and_version(ask, fabricate):
    directory = fabricate("bad-plugin", {"bad": "bad"}, {"bad": "raise RuntimeError('no licence')"})
    code = """
from aml_plugins.errors import PluginError
from aml_plugins.plugins import default_plugins
try:
    default_plugins()
    answer = None
except PluginError as error:
    answer = error.what
"""
    assert ask(code, directory, AML_PLUGINS_STRICT="1", AML_PLUGINS_DISABLED="aml-plugins") == (
        "The plugin 'bad' of bad-plugin 0.1 (bad) has a problem: loading it ended with RuntimeError: no licence"
    )


def test_ctrl_c_while_a_plugin_loads_is_the_users(run_python, fabricate):
    directory = fabricate("slow-plugin", {"slow": "slow"}, {"slow": "raise KeyboardInterrupt"})
    done = run_python("from aml_plugins.plugins import default_plugins; default_plugins()", directory)
    assert "KeyboardInterrupt" in done.stderr
    assert done.returncode != 0


def test_a_problem_is_said_once_on_standard_error(run_python, fabricate):
    directory = fabricate("bad-plugin", {"bad": "bad"}, {"bad": "raise RuntimeError('no licence')"})
    code = "from aml_plugins.plugins import default_plugins as d; d().describe(); d().describe(); d().commands()"
    done = run_python(code, directory)
    assert [line for line in done.stderr.splitlines() if "no licence" in line] == [
        "The plugin 'bad' of bad-plugin 0.1 (bad) has a problem: loading it ended with RuntimeError: no licence"
    ]


@pytest.mark.parametrize("section", ["console_scripts", "aml_plugins"])
def test_a_malformed_entry_points_file_of_anybody_hides_nobody(ask, fabricate, section):
    vandal = fabricate("vandal", f"[{section}]\nthis is no entry point\n")
    good = fabricate("good-plugin", {"bad": "good"}, {"good": MARK + "@hookimpl\ndef aml_run_finished(run): ..."})
    assert ask(LOOK, vandal, good) == {"problems": [], "hooks": ["aml_run_finished"]}


def test_a_distribution_without_metadata_is_usable(ask, fabricate):
    directory = fabricate("good-plugin", {"bad": "good"}, {"good": MARK + "@hookimpl\ndef aml_run_finished(run): ..."})
    next(directory.glob("*.dist-info/METADATA")).unlink()
    assert ask(LOOK, directory) == {"problems": [], "hooks": ["aml_run_finished"]}


def test_a_stranger_cannot_push_ours_out_by_taking_its_entry_point_name(ask, fabricate):
    source = MARK + "@hookimpl\ndef aml_run_finished(run): ..."
    directory = fabricate("a-stranger", {"directory-datastore": "stranger"}, {"stranger": source})
    code = """
from aml_plugins.plugins import default_plugins
answer = {each.name: each.distribution for each in default_plugins().describe()}
"""
    found = ask(code, directory)
    assert found["directory-datastore"] == "aml-plugins"
    assert found["a-stranger:directory-datastore"] == "a-stranger"


def test_one_object_under_two_names_is_a_problem(ask, fabricate):
    source = MARK + "@hookimpl\ndef aml_run_finished(run): ..."
    directory = fabricate("twins", {"a-twin": "twin", "bad": "twin"}, {"twin": source})
    assert ask(LOOK, directory)["problems"] == ["it is the same object as the plugin 'a-twin'."]


def test_a_hook_of_a_newer_version_can_be_optional(ask, fabricate):
    source = (
        MARK + "@hookimpl(optionalhook=True)\ndef aml_from_the_future(x): ...\n@hookimpl\ndef aml_run_finished(): ..."
    )
    directory = fabricate("good-plugin", {"bad": "good"}, {"good": source})
    found = ask(LOOK, directory)
    assert found["problems"] == []
    assert "aml_run_finished" in found["hooks"]


@pytest.mark.parametrize("word", ["bad", "bad-plugin", " bad , other"])
def test_a_disabled_plugin_is_not_even_imported(ask, fabricate, word):
    directory = fabricate("bad-plugin", {"bad": "bad"}, {"bad": "raise RuntimeError"})
    code = f"{LOOK}\nimport sys\nanswer = [found['bad'].disabled, answer['problems'], 'bad' in sys.modules]"
    assert ask(code, directory, AML_PLUGINS_DISABLED=word) == [True, [], False]


def test_disabling_what_is_not_there_is_said(run_python):
    code = "from aml_plugins.plugins import default_plugins; default_plugins()"
    done = run_python(code, AML_PLUGINS_DISABLED="notifier")
    assert "names 'notifier', and no such plugin is installed. Did you mean 'notifiers'?" in done.stderr


def test_trace_prints_each_call_without_values_of_variables(run_python, fabricate):
    source = MARK + "@hookimpl\ndef aml_run_environment(run): return {'TOKEN': 'hush'}"
    directory = fabricate("good-plugin", {"good": "good"}, {"good": source})
    code = "from aml_plugins.plugins import default_plugins; default_plugins().run_environment(None)"
    done = run_python(code, directory, AML_PLUGINS_TRACE="1")
    assert "aml_plugins: aml_run_environment(run=None) good -> {TOKEN}" in done.stderr
    assert "hush" not in done.stderr
