"""Importing what plugins describe, and ``aml plugins check``."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from aml_plugins.errors import MissingExtraError, PluginError
from aml_plugins.hookspecs import CommandDescription, TypeDescription, hookimpl
from aml_plugins.plugins import default_plugins, plugins_of
from aml_plugins.plugins.checking import NotChecked

HOOK = "aml_compute_target_types"

BACKEND = """
from aml_plugins.compute import ComputeBackend
class Whole(ComputeBackend):
    type_name = "box"
    plan = submit = find = status = cancel = fetch = cleanup = lambda *_: None
class Half(ComputeBackend):
    type_name = "box"
    plan = submit = find = status = cancel = lambda *_: None
class Misnamed(Whole):
    type_name = "bax"
class Misconfigured(Whole):
    config_model = dict
class Stranger: ...
"""


def describing(factory, extra=None, name="box"):
    @hookimpl
    def aml_compute_target_types():
        return [TypeDescription(name=name, factory=factory, summary="A box.", extra=extra)]

    return plugins_of({"boxes": SimpleNamespace(aml_compute_target_types=aml_compute_target_types)})


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that is importable for the length of the test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def module(name: str, source: str) -> str:
        (tmp_path / f"{name}.py").write_text(source)
        return name

    yield module
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def test_a_factory_is_imported_on_first_use_and_once(module):
    plugins = describing(f"{module('boxes', BACKEND)}:Whole")
    assert set(plugins.types(HOOK)) == {"box"}
    assert "boxes" not in sys.modules
    assert plugins.load(HOOK, "box") is plugins.load(HOOK, "box") is sys.modules["boxes"].Whole


def test_an_unknown_name_is_answered_with_what_there_is(module):
    with pytest.raises(PluginError) as caught:
        describing("boxes:Whole").load(HOOK, "bxo")
    assert caught.value.what == "There is no compute target type 'bxo'. Did you mean 'box'?"
    assert caught.value.fix == "Installed: box. See: aml plugins list"


def test_a_missing_extra_says_what_to_install(module):
    name = module("boxes", "import a_package_that_nobody_has\n")
    with pytest.raises(MissingExtraError) as caught:
        describing(f"{name}:Whole", extra="ssh").load(HOOK, "box")
    assert str(caught.value) == (
        "The compute target type 'box' needs an extra that is not installed. Run: pip install 'aml-plugins[ssh]'"
    )


def test_a_type_whose_extra_is_missing_is_no_problem_of_its_plugin(module):
    name = module("boxes", "import a_package_that_nobody_has\n")
    (said,) = describing(f"{name}:Whole", extra="ssh").check("boxes")
    assert isinstance(said, NotChecked)
    assert said == "the compute target type 'box' is not checked. Run: pip install 'aml-plugins[ssh]'"


def test_a_plugin_that_misses_its_own_module_is_broken_extra_or_not(module):
    with pytest.raises(PluginError, match=r"importing no_boxes:Whole ended with ModuleNotFoundError"):
        describing("no_boxes:Whole", extra="ssh").load(HOOK, "box")


@pytest.mark.parametrize("source", ["import a_package_that_nobody_has", "raise SystemExit(1)", "1 / 0", "x = 1"])
def test_a_factory_that_cannot_be_imported_names_plugin_and_cause(module, source):
    with pytest.raises(PluginError, match=r"The compute target type 'box' cannot be used: .* Repair or update boxes"):
        describing(f"{module('boxes', source)}:Whole").load(HOOK, "box")


@pytest.mark.parametrize(
    ("factory", "sentence"),
    [
        ("Whole", None),
        ("Half", "lacks cleanup, fetch."),
        ("Misnamed", "calls itself 'bax' in type_name."),
        ("Misconfigured", "has a config_model that is no subclass of TargetConfig."),
        ("Stranger", "is no subclass of aml_plugins.compute.backend.ComputeBackend."),
        ("Nothing", "cannot be loaded: "),
    ],
)
def test_check_compares_a_backend_with_its_contract(module, factory, sentence):
    found = describing(f"{module('boxes', BACKEND)}:{factory}").check("boxes")
    if sentence is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(f"the compute target type 'box' {sentence}")


def test_check_wants_a_click_command():
    @hookimpl
    def aml_commands():
        return [CommandDescription(name="noun", factory="json:dumps", summary="")]

    found = plugins_of({"nouns": SimpleNamespace(aml_commands=aml_commands)}).check("nouns")
    assert found == ["the command 'noun' is a function, not a click command or group."]


def test_check_of_an_unknown_plugin_suggests():
    with pytest.raises(PluginError, match=r"There is no plugin 'notifers'. Did you mean 'notifiers'\?"):
        default_plugins().check("notifers")


def test_check_finds_a_heavy_import_in_a_fresh_interpreter(ask, fabricate):
    source = "import mlflow\nfrom aml_plugins.hookspecs import hookimpl\n@hookimpl\ndef aml_run_finished(run): ..."
    directory = fabricate("heavy-plugin", {"heavy": "heavy"}, {"heavy": source})
    code = """
import mlflow  # imported here already, which must not hide it
from aml_plugins.plugins import default_plugins
answer = default_plugins().check("heavy")
"""
    (found,) = ask(code, directory)
    assert found.startswith("importing heavy imports mlflow, ")


def test_check_reports_the_problems_of_loading(ask, fabricate):
    directory = fabricate("bad-plugin", {"bad": "bad"}, {"bad": "raise RuntimeError('no licence')"})
    code = "from aml_plugins.plugins import default_plugins as d; answer = d().check('bad')"
    assert ask(code, directory) == ["loading it ended with RuntimeError: no licence"]
    assert ask(code, directory, AML_PLUGINS_DISABLED="bad") == ["it is disabled by AML_PLUGINS_DISABLED."]


@pytest.mark.parametrize("name", ["directory-datastore", "notifiers"])
def test_ours_pass_their_own_check(name):
    assert default_plugins().check(name) == []
