"""A stranger's plugin, installed for real, seen from a fresh interpreter. One test a hook at least."""

from __future__ import annotations

import pytest

RUN = """
from dataclasses import replace
from aml_plugins.plugins import default_plugins
from aml_plugins.store.records import RunRecord, TaskEvent
plugins = default_plugins()
run = RunRecord(workspace="ws", run_id="r1", experiment_id="1", experiment_name="iris", target="local",
                target_type="local", state="Running", script="train.py", config={})
event = TaskEvent(workspace="ws", task_id="r1", kind="run", subject="r1", sequence=7)
"""
SEEN = "from aml_test_plugin.observer import observer; answer = observer.seen"


@pytest.fixture
def loaded_type(ask, installed_test_plugin):
    def loaded_type(hook: str):
        return ask(
            f"{RUN}\nanswer = [plugins.types('{hook}')['test'].summary, plugins.load('{hook}', 'test').__name__]",
            installed_test_plugin,
        )

    return loaded_type


def test_aml_compute_target_types_brings_a_backend(loaded_type):
    assert loaded_type("aml_compute_target_types") == ["A compute target that remembers jobs in memory.", "TestBackend"]


def test_aml_datastore_types_brings_a_datastore(loaded_type):
    assert loaded_type("aml_datastore_types") == ["A datastore in memory.", "TestDatastore"]


def test_aml_image_builder_types_brings_a_builder(loaded_type):
    assert loaded_type("aml_image_builder_types") == ["An image builder that builds nothing.", "Thing"]


def test_aml_container_registry_types_brings_a_registry(loaded_type):
    assert loaded_type("aml_container_registry_types") == ["A container registry without containers.", "Thing"]


def test_aml_service_types_brings_a_service(loaded_type):
    assert loaded_type("aml_service_types") == ["A service that serves nobody.", "Thing"]


def test_aml_secret_store_types_brings_a_secret_store(loaded_type):
    assert loaded_type("aml_secret_store_types") == ["A secret store with one secret.", "TestSecretStore"]


def test_aml_telemetry_exporter_types_brings_an_exporter(loaded_type):
    assert loaded_type("aml_telemetry_exporter_types") == ["An exporter that keeps what it gets.", "TestExporter"]


def test_aml_run_environment_contributes_variables(ask, installed_test_plugin):
    assert ask(f"{RUN}\nanswer = plugins.run_environment(run)", installed_test_plugin) == {"COST_CENTRE": "cc-ws"}


def test_aml_validate_run_objects(ask, installed_test_plugin):
    code = f"""{RUN}
bad = replace(run, experiment_name="asdf")
found = [plugins.collect("aml_validate_run", run=each) for each in (run, bad)]
answer = [[(plugin, problem.what) for plugin, problem in problems] for problems in found]
"""
    assert ask(code, installed_test_plugin) == [[], [["test-policy", "The experiment is called 'asdf'."]]]


def test_aml_run_submitted_is_observed(ask, installed_test_plugin):
    code = f"{RUN}\nplugins.notify('aml_run_submitted', run=run)\n{SEEN}"
    assert ask(code, installed_test_plugin) == [["submitted", "r1"]]


def test_aml_run_state_changed_is_observed(ask, installed_test_plugin):
    code = f"{RUN}\nplugins.notify('aml_run_state_changed', run=run, old='Queued', new='Running')\n{SEEN}"
    assert ask(code, installed_test_plugin) == [["state", "r1", "Queued", "Running"]]


def test_aml_run_finished_is_observed(ask, installed_test_plugin):
    code = f"{RUN}\nplugins.notify('aml_run_finished', run=run)\n{SEEN}"
    assert ask(code, installed_test_plugin) == [["finished", "r1"]]


def test_aml_task_event_is_observed(ask, installed_test_plugin):
    code = f"{RUN}\nplugins.notify('aml_task_event', event=event)\n{SEEN}"
    assert ask(code, installed_test_plugin) == [["event", 7]]


def test_aml_commands_adds_a_noun(ask, installed_test_plugin):
    code = f"""{RUN}
from click.testing import CliRunner
command, = [each for each in plugins.commands() if each.name == "greet"]
answer = [command.summary, CliRunner().invoke(plugins.load("aml_commands", "greet")).output]
"""
    assert ask(code, installed_test_plugin) == ["Say hello.", "hello from a plugin\n"]


def test_a_stranger_is_listed_like_ours(ask, installed_test_plugin):
    code = """
from dataclasses import asdict
from aml_plugins.plugins import default_plugins
answer = {each.name: asdict(each) for each in default_plugins().describe()}
"""
    found = ask(code, installed_test_plugin)
    assert "datastore directory" in found["directory-datastore"]["types"]
    assert found["test-compute"] == {
        "name": "test-compute",
        "distribution": "aml-test-plugin",
        "version": "1.2.3",
        "entry_point": "aml_test_plugin.compute",
        "hooks": ["aml_compute_target_types"],
        "types": ["compute target test"],
        "problems": [],
        "disabled": False,
    }
    assert found["test-observer"]["hooks"] == [
        "aml_run_finished",
        "aml_run_state_changed",
        "aml_run_submitted",
        "aml_task_event",
    ]


def test_a_good_plugin_passes_every_check(ask, installed_test_plugin):
    code = """
from aml_plugins.plugins import default_plugins
plugins = default_plugins()
names = [each.name for each in plugins.describe() if each.distribution == "aml-test-plugin"]
answer = {name: plugins.check(name) for name in names}
"""
    found = ask(code, installed_test_plugin)
    assert len(found) == 11
    assert not any(found.values()), found
