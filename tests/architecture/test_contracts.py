"""What strangers build against is documented, all of it."""

from __future__ import annotations

import importlib
import inspect

import pytest

CONTRACTS = (
    "aml_plugins.compute",
    "aml_plugins.compute.abilities",
    "aml_plugins.compute.backend",
    "aml_plugins.compute.job",
    "aml_plugins.compute.job_directories",
    "aml_plugins.compute.job_names",
    "aml_plugins.compute.looking",
    "aml_plugins.compute.on_demand",
    "aml_plugins.compute.refusing",
    "aml_plugins.compute.states",
    "aml_plugins.compute.turns",
    "aml_plugins.datastores",
    "aml_plugins.datastores.abilities",
    "aml_plugins.datastores.contract",
    "aml_plugins.errors",
    "aml_plugins.hookspecs",
    "aml_plugins.images.contract",
    "aml_plugins.plugins",
    "aml_plugins.runs.history",
    "aml_plugins.runs.states",
    "aml_plugins.secrets.contract",
    "aml_plugins.services.contract",
    "aml_plugins.store.interface",
    "aml_plugins.store.records",
    "aml_plugins.telemetry.contract",
    "aml_plugins.testing",
    "aml_plugins.testing.fake_backend",
    "aml_plugins.testing.fake_clock",
    "aml_plugins.testing.waiting",
)


def public(module_name: str) -> dict[str, object]:
    module = importlib.import_module(module_name)
    return {f"{module_name}.{name}": getattr(module, name) for name in module.__all__}


@pytest.mark.parametrize("module_name", CONTRACTS)
def test_every_public_class_and_function_has_a_docstring(module_name):
    things = {name: thing for name, thing in public(module_name).items() if inspect.isclass(thing) or callable(thing)}
    generated = {name for name, thing in things.items() if inspect.isclass(thing) and is_generated(thing)}
    bare = [name for name, thing in things.items() if name in generated or not inspect.getdoc(thing)]
    assert not bare


def is_generated(thing: type) -> bool:
    """Say whether a class has the docstring that ``dataclass`` writes where there is none: its signature."""
    return (thing.__doc__ or "").startswith(f"{thing.__name__}(")


@pytest.mark.parametrize("module_name", CONTRACTS)
def test_every_module_says_what_it_is_for(module_name):
    assert inspect.getdoc(importlib.import_module(module_name))


def test_every_error_has_a_code_of_its_own():
    from aml_plugins import errors

    codes = [getattr(errors, name).code for name in errors.__all__]
    assert len(codes) == len(set(codes))
    assert {getattr(errors, name).exit_code for name in errors.__all__} <= {1, 2, 3}
