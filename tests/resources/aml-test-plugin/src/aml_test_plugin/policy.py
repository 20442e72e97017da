"""Refuse experiments without a name worth it."""

from aml_plugins.hookspecs import Problem, hookimpl


@hookimpl
def aml_validate_run(run):
    if run.experiment_name == "asdf":
        yield Problem(what="The experiment is called 'asdf'.", fix="Give it a name that says what it is about.")
