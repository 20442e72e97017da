"""Whatever is sent, as the OpenAPI document allows it or not: no answer is a failure of the server."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from aml_plugins.server.console import pages as console_pages
from aml_plugins.server.console import routes as console_routes
from aml_plugins.server.console.actions import CONSOLE
from aml_plugins.server.route_actions import ROUTES
from aml_plugins.store.records import RunRecord

OPERATIONS = sorted(ROUTES)
RUN = "a" * 32
"""A run that is there and has ended, and so have its streams."""
ENDED = {*CONSOLE, "stream_task_events"}
"""What is asked about that run; nothing of it changes or deletes one that has ended."""


@pytest.fixture(scope="module")
def document(migrated_database, tmp_path_factory):
    """The application on a database of its own."""
    from aml_plugins.server.api import create_api
    from aml_plugins.server.composition import make_server
    from aml_plugins.server.settings import ServerSettings

    directory = tmp_path_factory.mktemp("any-request")
    (directory / "aml.db").write_bytes(migrated_database.read_bytes())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AML_HOME", str(directory))
        environment.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
        environment.setenv("AML_ENVIRONMENT_SECRETS", "")  # as a server sets it for its process, and for good
        server = make_server(ServerSettings(store_uri=f"aml+sqlite:///{directory}/aml.db"))
        add_run(server)
        api = create_api(server)
        originals = [route for router in (*console_routes.ROUTERS, console_pages.router) for route in router.routes]
        for route in (*originals, *api.routes):  # newer versions of FastAPI read the former, ours copied them
            if isinstance(route, APIRoute):
                # The console's, which are for its page only, are in no document else.
                environment.setattr(route, "include_in_schema", True)
        yield schemathesis.openapi.from_asgi("/api/2.0/aml/openapi.json", api)
        server.context.close()


def add_run(server):
    """Put an ended run there, with its task, so that not every answer about one is that there is none."""
    history = server.context.history("default")
    experiment = history.ensure_experiment("any")
    history.create_run(RUN, experiment, name=None, tags={})
    record = RunRecord(
        workspace="default",
        run_id=RUN,
        experiment_id=experiment,
        experiment_name="any",
        target="local",
        target_type="local",
        state="Completed",
        script="any.py",
        config={},
        ended_at=1.0,
    )
    server.store.runs.add(record, message="Done.")
    ended = replace(server.store.tasks.get("default", RUN), state="Completed")
    server.store.tasks.put(ended, message="Done.")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_no_request_makes_the_server_fail(document, operation_id, mode):
    operation = document.find_operation_by_id(operation_id)

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case):
        if "workspace" in case.path_parameters:
            case.path_parameters["workspace"] = "default"  # else nearly every answer is "no such workspace"
        if operation_id in ENDED:
            case.path_parameters |= {name: RUN for name in ("run_id", "task_id") if name in case.path_parameters}
        case.headers = {**(case.headers or {}), "X-AML-Request": "1"}
        case.call_and_validate(checks=[not_a_server_error])

    with suppress(Unsatisfiable):  # of some requests nothing can be wrong but their path
        check()
