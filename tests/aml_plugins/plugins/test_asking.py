"""Asking several plugins at once: order, isolation, conflicts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from aml_plugins.errors import PluginError
from aml_plugins.hookspecs import Problem, hookimpl
from aml_plugins.plugins import plugins_of


def variables(answer):
    @hookimpl
    def aml_run_environment(run):
        return answer() if callable(answer) else answer

    return SimpleNamespace(aml_run_environment=aml_run_environment)


def policy(answer):
    @hookimpl
    def aml_validate_run(run):
        return answer(run)

    return SimpleNamespace(aml_validate_run=aml_validate_run)


def observer(act):
    @hookimpl
    def aml_run_finished(run):
        act(run)

    return SimpleNamespace(aml_run_finished=aml_run_finished)


def fail(*_):
    raise RuntimeError("no licence\nfound")


def leave(*_):
    raise SystemExit(4)


def interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("trouble", [fail, leave])
def test_an_observer_that_fails_is_logged_and_the_others_are_told(caplog, trouble):
    seen = []
    plugins = plugins_of({"one": observer(seen.append), "bad": observer(trouble), "two": observer(seen.append)})
    plugins.notify("aml_run_finished", run="r1")
    assert seen == ["r1", "r1"]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "The plugin 'bad' failed in aml_run_finished: "
        + ("RuntimeError: no licence found" if trouble is fail else "SystemExit: 4")
    ]


def test_ctrl_c_in_an_observer_is_the_users():
    with pytest.raises(KeyboardInterrupt):
        plugins_of({"bad": observer(interrupt)}).notify("aml_run_finished", run="r1")


def test_a_function_that_returns_a_coroutine_is_reported_and_the_coroutine_closed(caplog):
    async def later():
        """Never runs."""

    @hookimpl
    def aml_run_finished(run):
        return later()

    plugins_of({"bad": SimpleNamespace(aml_run_finished=aml_run_finished)}).notify("aml_run_finished", run=None)
    assert "The plugin 'bad' failed in aml_run_finished: TypeError: it returned a coroutine" in caplog.text


def test_a_plugin_may_leave_arguments_out_and_give_defaults():
    seen = []

    class Observer:
        @hookimpl
        def aml_run_state_changed(self, new, run=None, *, context="mine"):
            seen.append((run, new, context))

    plugins_of({"one": Observer()}).notify("aml_run_state_changed", run="r1", old="Queued", new="Running")
    assert seen == [("r1", "Running", "mine")]


def test_policies_tell_all_their_problems_with_their_plugin():
    plugins = plugins_of(
        {
            "cost": policy(lambda run: [Problem(what=f"{run} costs too much."), Problem(what="It is late.")]),
            "fine": policy(lambda run: []),
            "silent": policy(lambda run: None),
            "region": policy(lambda run: (Problem(what=what) for what in ["Wrong region."])),
        }
    )
    found = {(plugin, problem.what) for plugin, problem in plugins.collect("aml_validate_run", run="r1")}
    assert found == {("cost", "r1 costs too much."), ("cost", "It is late."), ("region", "Wrong region.")}


@pytest.mark.parametrize("answer", [fail, leave, lambda run: ["no"], lambda run: 7])
def test_a_policy_that_fails_objects(answer):
    plugins = plugins_of({"bad": policy(answer)})
    ((plugin, problem),) = plugins.collect("aml_validate_run", run="r1")
    assert plugin == "bad"
    assert problem.what.startswith("aml_validate_run failed: ")


def test_variables_of_all_plugins_are_put_together():
    plugins = plugins_of(
        {"a": variables({"A": "1", "SAME": "x"}), "b": variables({"B": "2", "SAME": "x"}), "c": variables(None)}
    )
    assert plugins.run_environment("r1") == {"A": "1", "B": "2", "SAME": "x"}


def test_two_plugins_that_set_one_variable_differently_are_both_named_and_no_value_is():
    plugins = plugins_of({"a": variables({"TOKEN": "hush-a"}), "b": variables({"TOKEN": "hush-b"})})
    with pytest.raises(PluginError) as caught:
        plugins.run_environment("r1")
    assert "'a'" in caught.value.what
    assert "'b'" in caught.value.what
    assert "'TOKEN'" in caught.value.what
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("answer", [{"A": 1}, {1: "A"}, {"": "x"}, {"A=B": "x"}, {"A": "\0"}, ["A"], fail, leave])
def test_variables_that_are_none_end_the_submission_with_the_plugins_name(answer):
    with pytest.raises(PluginError, match="'bad'"):
        plugins_of({"bad": variables(answer)}).run_environment("r1")
