"""Contribute a variable to every script."""

from aml_plugins.hookspecs import hookimpl


@hookimpl
def aml_run_environment(run):
    return {"COST_CENTRE": f"cc-{run.workspace}"}
