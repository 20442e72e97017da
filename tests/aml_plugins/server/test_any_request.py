"""Whatever is sent, as the OpenAPI document allows it or not: no answer is a failure of the server."""

from __future__ import annotations

from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from aml_plugins.server.console.actions import CONSOLE
from aml_plugins.server.route_actions import ROUTES

# The stream of events ends with its task only; it has tests of its own. Pages are in no document.
OPERATIONS = sorted(set(ROUTES) - set(CONSOLE) - {"stream_task_events"})


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
        yield schemathesis.openapi.from_asgi("/api/2.0/aml/openapi.json", create_api(server))
        server.context.close()


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
        case.headers = {**(case.headers or {}), "X-AML-Request": "1"}
        case.call_and_validate(checks=[not_a_server_error])

    with suppress(Unsatisfiable):  # of some requests nothing can be wrong but their path
        check()
