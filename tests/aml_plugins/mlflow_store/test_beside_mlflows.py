"""What MLflow keeps beside runs (traces, scorers, gateways, prompts …) is the same in our stores as in its own.

We replace nothing of it, but it goes through our sessions, connections and workspaces. Each story is told to MLflow's
classes and to ours, in a workspace and, where it asks from elsewhere, in another; what they answered must be equal.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import entities
from mlflow.entities import trace_metrics
from mlflow.entities.gateway_endpoint import GatewayEndpointModelConfig, GatewayModelLinkageType
from mlflow.entities.span import create_mlflow_span
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import MlflowException
from mlflow.genai.label_schemas.label_schemas import InputText
from mlflow.store.model_registry.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore as TheirRegistry
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore as TheirTracking
from mlflow.utils.workspace_context import WorkspaceContext
from opentelemetry import trace as otel
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan

from aml_plugins.mlflow_store.registry import ModelRegistryStore
from aml_plugins.mlflow_store.tracking import TrackingStore

ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b1[0-9]{12}\b")
Story = Callable[[Any, Any], Iterator[Any]]
Act = Callable[..., Any]


def said(act: Act, *arguments: Any, **options: Any) -> Any:
    """Return what an act gave, or how it was refused, without the ids and times of one database."""
    try:
        return act(*arguments, **options)
    except MlflowException as error:
        return error.error_code, ID.sub("ID", str(error))


def elsewhere(act: Act, *arguments: Any) -> Any:
    with WorkspaceContext("team-b"):
        return said(act, *arguments)


def span(trace_id: str, name: str, number: int, parent: int | None = None, **attributes: Any) -> Any:
    def place(of: int) -> otel.SpanContext:
        return otel.SpanContext(7, of, False, otel.TraceFlags(1), otel.TraceState())

    said_of_it = {"mlflow.traceRequestId": trace_id, "mlflow.spanType": "LLM", **attributes}
    return create_mlflow_span(
        ReadableSpan(
            name=name,
            context=place(number),
            parent=place(parent) if parent else None,
            attributes={key: json.dumps(value) for key, value in said_of_it.items()},
            start_time=10**9,
            end_time=2 * 10**9,
            status=otel.Status(otel.StatusCode.OK),
            resource=Resource.get_empty(),
        ),
        trace_id,
        "LLM",
    )


def traces(store: Any, _registry: Any) -> Iterator[Any]:
    experiment = store.create_experiment("e")
    run = store.create_run(experiment, "me", 0, [], "n").info.run_id
    store.log_spans(experiment, [span("tr-1", "root", 1, model="gpt"), span("tr-1", "Child", 2, 1)])
    store.log_spans(experiment, [span("tr-2", "other", 3)])
    store.set_trace_tag("tr-2", "fruit", "Apple")
    yield said(store.link_traces_to_run, ["tr-1"], run)
    filters = ("span.name = 'root'", "span.name LIKE 'child'", "span.name ILIKE 'child'", "span.name RLIKE '^r'")
    more = (
        "tag.fruit LIKE 'a%'",
        "tag.fruit RLIKE 'p{2}'",
        "span.attributes.model = 'gpt'",
        "bogus",
        f"run_id = '{run}'",
    )
    for text in (*filters, *more):
        yield said(lambda text=text: sorted(one.trace_id for one in store.search_traces([experiment], text)[0]))
    yield sorted(one.name for one in store.get_trace("tr-1").data.spans)
    by_human = entities.AssessmentSource("HUMAN", "me")
    for value in (True, "yes", 0.5):
        feedback = entities.Feedback(trace_id="tr-1", name="good", value=value, source=by_human)
        yield said(store.create_assessment, feedback).value
        yield elsewhere(store.create_assessment, feedback)
    count = [trace_metrics.MetricAggregation(trace_metrics.AggregationType.COUNT)]
    for view, name in (("TRACES", "trace_count"), ("SPANS", "span_count"), ("ASSESSMENTS", "assessment_count")):
        asked = ([experiment], trace_metrics.MetricViewType[view], name, count)
        yield [point.values for point in store.query_trace_metrics(*asked)]
        yield elsewhere(store.query_trace_metrics, *asked)
    yield elsewhere(store.get_trace, "tr-1")
    yield elsewhere(lambda: store.delete_traces(experiment, trace_ids=["tr-1"]))
    yield said(store.delete_traces, experiment, trace_ids=["tr-1", "tr-9"])
    yield said(store.get_trace_info, "tr-1")


def judging(store: Any, _registry: Any) -> Iterator[Any]:
    experiment = store.create_experiment("e")
    yield [store.register_scorer(experiment, "s", json.dumps({"n": n})).scorer_version for n in range(3)]
    yield said(store.delete_scorer, experiment, "s", 2)
    yield [one.scorer_version for one in store.list_scorer_versions(experiment, "s")]
    yield elsewhere(store.get_scorer, experiment, "s")
    data = store.create_dataset("d", {"a": "b"}, [experiment])
    yield store.upsert_dataset_records(data.dataset_id, [{"inputs": {"q": n}} for n in range(4)])
    yield store.upsert_dataset_records(data.dataset_id, [{"inputs": {"q": 1}, "expectations": {"a": 2}}])
    yield json.loads(store.get_dataset(data.dataset_id).schema)
    yield elsewhere(store.upsert_dataset_records, data.dataset_id, [{"inputs": {"q": 9}}])
    schema = store.create_label_schema(experiment, name="l", type="feedback", input=InputText())
    queue = store.create_review_queue(experiment, name="q", queue_type="custom", schema_ids=[schema.schema_id])
    store.log_spans(experiment, [span("tr-3", "root", 4)])
    store.add_items_to_review_queue(queue.queue_id, item_ids=["tr-3"])
    yield said(store.update_review_queue, queue.queue_id, schema_ids=[])
    yield elsewhere(store.get_review_queue, queue.queue_id)
    issue = store.create_issue(experiment, "slow", "too slow")
    yield [one.name for one in store.search_issues(experiment, "status = 'pending'")]
    yield elsewhere(store.get_issue, issue.issue_id)


def gateway(store: Any, _registry: Any) -> Iterator[Any]:
    secret = store.create_gateway_secret("key", {"api_key": "sk-test-123456"}, "openai")
    yield secret.masked_values
    model = store.create_gateway_model_definition("m", secret.secret_id, "openai", "gpt")
    config = GatewayEndpointModelConfig(model.model_definition_id, GatewayModelLinkageType.PRIMARY)
    endpoint = store.create_gateway_endpoint("ep", [config])
    yield said(store.create_gateway_endpoint, "ep", [config])
    yield said(store.delete_gateway_model_definition, model.model_definition_id)
    for ask in (store.get_gateway_endpoint, store.delete_gateway_endpoint):
        yield elsewhere(ask, endpoint.endpoint_id)
    yield [elsewhere(store.list_secret_infos), elsewhere(store.list_gateway_endpoints)]
    yield said(store.delete_gateway_endpoint, endpoint.endpoint_id)
    yield store.create_mcp_server("com.example/server").name
    yield said(store.create_mcp_server, "server")
    yield elsewhere(store.get_mcp_server, "com.example/server")


def prompts(_store: Any, registry: Any) -> Iterator[Any]:
    registry.create_prompt("p", tags={"a": "b"})
    yield [registry.create_prompt_version("p", f"Hello {{{{ n{n} }}}}").version for n in range(2)]
    registry.set_prompt_alias("p", "prod", 1)
    yield registry.get_prompt_version_by_alias("p", "prod").template
    yield said(registry.create_registered_model, "p")
    yield [[one.name for one in registry.search_prompts()], list(registry.search_registered_models())]
    yield elsewhere(registry.delete_prompt_version, "p", 1)
    yield [said(registry.delete_prompt_version, "p", 1), said(registry.get_prompt_version, "p", 1)]
    event = WebhookEvent("model_version", "created")
    hook = registry.create_webhook("w", "https://192.0.2.1/hook", [event], secret="secret")
    yield [one.name for one in registry.list_webhooks_by_event(event)]
    yield elsewhere(registry.get_webhook, hook.webhook_id)


@pytest.mark.parametrize("story", [traces, judging, gateway, prompts])
def test_our_stores_answer_as_mlflows_do(
    story: Story, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ENABLE_WORKSPACES", "true")
    monkeypatch.setenv("MLFLOW_CRYPTO_KEK_PASSPHRASE", "a passphrase of these tests")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")  # of an address that nobody answers at
    monkeypatch.setenv("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY", "x" * 43 + "=")
    told = []
    for kind, registry_kind in ((TheirTracking, TheirRegistry), (TrackingStore, ModelRegistryStore)):
        path = shutil.copy(template, tmp_path / f"{kind.__name__}.db")
        uri = f"sqlite:///{path}" if kind is TheirTracking else f"aml+sqlite:///{path}"
        with WorkspaceContext("team-a"):
            store, registry = kind(uri, (tmp_path / "artifacts").as_uri()), registry_kind(uri)
            told.append(list(story(store, registry)))
        for engine in (store.engine, registry.engine):
            engine.dispose()
    assert told[1] == told[0]
