"""Which tests run when, and which of them in one process."""

from __future__ import annotations

import os
import re
from fnmatch import translate

import pytest

__all__ = ["THOROUGH", "group_of", "pytest_collection_modifyitems"]

_SAME_KILL = "the same kill at another step of the same code, as the kit of `local` has it at each"
_SAME_SCRIPT = (
    "what the runner does with a script, which is the same file on every target: `local`, `ssh` and `docker` show it"
)
_SAME_PAGE = "the same page in the other light at the other width"
_MLFLOW = "an environment with MLflow is installed, which takes minutes; `images/test_mlflow_models.py` does that, too"
_SAME_DATABASE = "the same on the other database"
_OF_THE_RUNNER = (
    "test_a_long_log_comes_in_chunks",
    "test_a_script_that_fails_was_not_lost",
    "test_a_signal_is_a_negative_exit_code",
    "test_child_runs_come_home_with_what_they_logged",
    "test_fetch_brings_what_a_failed_job_left",
    "test_fetch_twice",
    "test_odd_files_come_home_and_links_that_leave_do_not",
    "test_the_exit_code_is_the_scripts[[]255[]]",
    "test_two_jobs_at_once_do_not_meet",
)
_OTHER_MARK = "the same mark as its sister's, which has the other state, or the other executor"
_HEAVY_SCRIPT = "it imports scikit-learn or matplotlib beside Microsoft's SDK, and calls what the lighter ones call"
_OF_A_PAGE = "the reader of its page runs it (`tests/docs`); here it is for older Airflows"
_SMALLER = "operators/test_tries.py has it without a whole Airflow"
THOROUGH: dict[str, str] = {
    "*/test_contract.py::Test[!L]*::test_a_killed_deployment_goes_on[[]*-before]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_deployment_goes_on[[]route-after]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_deployment_goes_on[[]write-after]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_update_goes_on_and_somebody_serves_meanwhile[[]submit]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_update_goes_on_and_somebody_serves_meanwhile[[]delete]": _SAME_KILL,
    "*/test_contract.py::Test[!L]*::test_a_killed_deletion_goes_on[[]delete_service]": _SAME_KILL,
    "*/spark/test_connect.py::test_what_the_server_still_works_on_*[[]killed]": (
        "cleaning up is the same, whoever ended the script"
    ),
    "*/hdinsight/test_yarn.py::*": "a YARN starts, and each run starts three times as much Java as with Livy alone",
    "*/local/test_staying.py::test_memory_does_not_grow": "a thousand jobs run, for a leak to show",
    "*/ssh/test_journey.py::test_a_submitter_killed_at_any_boundary_*": _SAME_KILL,
    "*/azure_batch/test_journey.py::test_a_submitter_killed_at_any_boundary_*": _SAME_KILL,
    "*/azure_batch/test_creating.py::test_killed_anywhere_another_driver_goes_on[[]delete]": _SAME_KILL,
    "*/reconciliation/test_crashes.py::test_a_submitter_killed_at_any_boundary_*[[]2]": _SAME_KILL,
    "*/images/test_docker_builder.py::test_a_killed_builder_is_made_up_for[[][!i]*": _SAME_KILL,
    "*/operators/test_tries.py::test_a_worker_killed_anywhere_*[[]aml_airflow.*": _SAME_KILL,
    "*/operators/test_tries.py::test_a_worker_killed_anywhere_*[[]*Experiment.submit]": _SAME_KILL,
    "*/world/test_faults.py::test_a_function_is_called_once_whatever_is_killed": _SAME_KILL,
    "*/world/test_faults.py::test_marking_the_task_in_the_middle_cancels_its_run[[]success-LocalExecutor]": _OTHER_MARK,
    "*/world/test_faults.py::test_marking_the_task_in_the_middle_cancels_its_run[[]failed-CeleryExecutor]": _OTHER_MARK,
    "*/world/test_faults.py::test_a_failed_run_is_tried_again_as_another_run": _SMALLER,
    "*/world/test_faults.py::test_clearing_a_success_runs_afresh": _SMALLER,
    "*/world/test_faults.py::test_a_killed_worker_loses_nothing[[]CeleryExecutor]": _SAME_KILL,
    "*/world/test_services.py::test_a_triggerer_that_is_killed_while_a_service_deploys": _SAME_KILL,
    "*/server/test_faults_below.py::test_a_server_that_is_killed_while_it_migrates_is_started_again[[]1]": _SAME_KILL,
    "*/world/test_deferred.py::test_a_script_that_fails_is_tried_again_as_another_run": _SMALLER,
    "*/world/test_deferred.py::test_a_triggerer_that_is_restarted_cancels_nothing": "one that is killed shows it too",
    "*/world/test_deferred.py::test_mark*[[]success]": "a mark as failed is handled alike",
    "*/world/test_no_triggerer.py::test_mark*_run[[]success]": "a mark as failed is handled alike",
    "*/world/test_no_triggerer.py::test_mark*_run[[]failed]": "the mark beside it takes a service back",
    "*/aml_airflow/test_examples.py::test_the_whole_way_of_a_model": _OF_A_PAGE,
    "*/aml_airflow/test_examples.py::test_a_sweep_uses_*": _OF_A_PAGE,
    "*/world/test_asset_events.py::test_the_sweep_starts_the_batch_scoring": (
        "a page runs both, `test_examples.py` sees that the asset is the same, and its sister that one starts a DAG"
    ),
    "*/operators/test_made_once.py::test_a_version_of_an_image_*": "a version of a model shows it too",
    "*/operators/test_way_of_a_model.py::test_the_way_of_a_model[[]False]": "the deferrable way has the other's steps",
    "*/console/browser/test_*.py::test_axe_finds_nothing*[[]dark-1300]": _SAME_PAGE,
    "*/console/browser/test_*.py::test_axe_finds_nothing*[[]light-380]": _SAME_PAGE,
    "*/server/test_clocks.py::*[[]sqlite]": _SAME_DATABASE,
    "*/mlflow_store/fast/test_concurrency.py::*[[]*-same]": "writers in turns meet more often",
    "*/mlflow_deployments/test_deployments.py::test_a_model_that_is_nowhere_registered_runs_locally": _MLFLOW,
    "*/mlflow_deployments/test_deployments.py::test_a_model_is_deployed_called_updated_and_gone": _MLFLOW,
    "*/docs/test_snippets.py::*deploy-mlflow-models.md*": _MLFLOW,
    "*/reconciliation/test_crashes.py::test_a_cancelling_submitter_*": (
        "the same kills, of runs that are canceled meanwhile"
    ),
    "*/cli/test_following.py::test_whoever_stops_following_*-1]": _SAME_KILL,
    "*/cli/test_following.py::test_whoever_stops_following_*-15]": _SAME_KILL,
    "*/mlflow_store/test_entry_points.py::test_mlflow_upgrades_a_database_by_our_uri[[]sqlite_uri]": _SAME_DATABASE,
    "*/runs/runner/test_unpacking.py::test_zip64": "it writes gigabytes",
    "*/script_api/test_corpus.py::test_offline_*[[]digits_charts]": _HEAVY_SCRIPT,
    "*/script_api/test_corpus.py::test_beside_*[[]digits_charts]": _HEAVY_SCRIPT,
    "*/script_api/test_corpus.py::test_beside_*[[]ridge_alphas]": _HEAVY_SCRIPT,
    "*/script_api/test_corpus.py::test_beside_*[[]plots]": _HEAVY_SCRIPT,
    "*/mlflow_store/test_history.py::test_many_workspaces_at_once_from_threads[[]server]": _SAME_DATABASE,
    "*/iot_edge/test_contract.py::*::test_a_killed_deployment_goes_on[[]submit-after]": _SAME_KILL,
    "*/iot_edge/test_contract.py::*::test_a_killed_deletion_goes_on[[]delete]": _SAME_KILL,
    "*/iot_edge/test_contract.py::*::test_no_request_fails_while_versions_and_replicas_change": (
        "a module that is replaced in place, as in the test of failed updates"
    ),
    "*/iot_edge/test_contract.py::*::test_wrong_input_gets_the_scoring_servers_words": (
        "the scoring server's words, as `docker` and `aci` have them"
    ),
    "*/test_acr_tasks.py::test_a_killed_builder_is_made_up_for": (
        "a process of its own; builders that die in this one are made up for at each step"
    ),
    "*/azure_emulator/test_airflow_operators.py::*": (
        "Airflow's own operators sleep for ten and fifteen seconds between looks, and each starts an Airflow"
    ),
    "*/world/test_deferred.py::test_a_store_that_is_away_while_a_trigger_watches_is_waited_for": (
        "it waits out a client's patience, two minutes"
    ),
} | {
    f"*/{target}/test_con*.py::*::{name}": _SAME_SCRIPT
    for target in ("aci", "aks", "hdinsight", "spark")
    for name in _OF_THE_RUNNER
}
"""Tests that repeat on another part what a shorter one shows; ``make test THOROUGH=1`` runs them too."""


ONE_PROCESS: dict[str, str] = {
    "engine": "docker",
    "emulators_engine": "emulators-engine",
    "networked_engine": "networked-engine",
    "document": "any-request",
    "team_server": "team-server",
    "chromium": "browser",
    "mlflow_server": "mlflow-server",
    "auth_server": "auth-server",
    "one_server": "one-server",
    "az": "azure-cli",
    "channel": "conda",
}
"""Fixtures of services that are costly to start, and the group of tests that share one."""

LONG = "test_what_a_page_says_works"
"""Tests that take half a minute or more, each by itself."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a thorough run has, and keep the tests of a group in one process."""
    if not os.environ.get("THOROUGH"):
        thorough = re.compile("|".join(map(translate, THOROUGH)))
        left_out = {item for item in items if thorough.match(item.nodeid)}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    if getattr(config.option, "loadgroup", False):
        items.sort(key=lambda item: not item.name.startswith(LONG))  # at the end, most workers would wait for them
        for item in items:
            _mark_group(item)


def _mark_group(item: pytest.Item) -> None:
    """Write the group into the test's id, where pytest-xdist looks for it.

    It does so itself, but pytest 9.2 keeps ids elsewhere than pytest-xdist 3.8 writes them.
    """
    group = group_of(item)
    if group is not None and not item.nodeid.endswith(f"@{group}"):
        item._id = type(item._id).parse(f"{item.nodeid}@{group}")  # type: ignore[attr-defined]


def group_of(item: pytest.Item) -> str | None:
    """Return the name of the tests that share a process with this one."""
    marker = item.get_closest_marker("xdist_group")
    if marker is not None:
        return str(marker.args[0])
    asked_for = getattr(item, "fixturenames", ())
    return next((group for fixture, group in ONE_PROCESS.items() if fixture in asked_for), None)
