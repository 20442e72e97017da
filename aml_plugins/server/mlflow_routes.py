"""Every route of MLflow's server, and whom it is for. The matrix test fails for one that is missing here.

A route stands here without ``/api`` and ``/ajax-api``, which both lead to it; ``*`` is one part of a path, ``**`` any
number. Until it stands here, a route of a newer MLflow is for administrators (``mlflow_gate.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum

__all__ = ["Kind", "kind_of", "mlflow_routes", "normal_form"]


class Kind(Enum):
    """Whom a route lets do what it does; where nothing else is said, MLflow sees to it."""

    PUBLIC = "everybody, signed in or not"
    SIGNED_IN = "every user: it tells about the user himself, or about MLflow"
    SELF = "every user about himself, owners about their members"
    FILTERED = "every user: it lists what he may read"
    READER = "readers"
    CONTRIBUTOR = "contributors"
    CREATOR = "owners, and whoever made the thing"
    NAMED = "whom the thing itself names: who reviews, or who began it"
    OWNER = "owners"
    ADMINISTRATOR = "administrators"
    CONTRIBUTOR_IN_FRONT = "contributors; the server refuses others before MLflow would let them"
    ADMINISTRATOR_IN_FRONT = "administrators; the server refuses others before MLflow would let them"


_TABLE = {
    Kind.PUBLIC: """
        GET /health
        GET /static-files/**
        GET 3.0/mlflow/server-info
    """,
    Kind.SIGNED_IN: """
        GET /
        GET /graphql
        POST /graphql
        GET /version
        GET 2.0/mlflow/users/current
        GET 3.0/mlflow/gateway/provider-config
        GET 3.0/mlflow/gateway/supported-models
        GET 3.0/mlflow/gateway/supported-providers
        GET 3.0/mlflow/ui-telemetry
        POST 3.0/mlflow/ui-telemetry
        GET 3.0/mlflow/users/current/permissions
    """,
    Kind.SELF: """
        GET 2.0/mlflow/users/get
        PATCH 2.0/mlflow/users/update-password
        GET 3.0/mlflow/users/permissions/list
        GET 3.0/mlflow/users/roles/list
    """,
    Kind.FILTERED: """
        GET /gateway/mlflow/v1/models
        GET 2.0/mlflow/artifacts/list
        GET 2.0/mlflow/experiments/search
        POST 2.0/mlflow/experiments/search
        POST 2.0/mlflow/experiments/search-datasets
        POST 2.0/mlflow/logged-models/search
        GET 2.0/mlflow/model-versions/search
        GET 2.0/mlflow/registered-models/search
        POST 2.0/mlflow/runs/search
        GET 3.0/mlflow/datasets/search
        POST 3.0/mlflow/datasets/search
        GET 3.0/mlflow/gateway/budgets/list
        GET 3.0/mlflow/gateway/endpoints/bindings/list
        GET 3.0/mlflow/gateway/endpoints/list
        GET 3.0/mlflow/gateway/model-definitions/list
        GET 3.0/mlflow/gateway/secrets/list
        POST 3.0/mlflow/issues/search
        GET 3.0/mlflow/label-schemas/list
        GET 3.0/mlflow/prompt-optimization/jobs/search
        POST 3.0/mlflow/prompt-optimization/jobs/search
        GET 3.0/mlflow/review-queues/list
        GET 3.0/mlflow/scorers/list
        GET 3.0/mlflow/workspaces
    """,
    Kind.READER: """
        GET /get-artifact
        GET /model-versions/get-artifact
        GET 2.0/mlflow-artifacts/artifacts
        GET 2.0/mlflow-artifacts/artifacts/**
        GET 2.0/mlflow-artifacts/presigned/**
        POST 2.0/mlflow/artifacts/presigned-download-url
        GET 2.0/mlflow/experiments/get
        GET 2.0/mlflow/experiments/get-by-name
        GET 2.0/mlflow/gateway-proxy
        GET 2.0/mlflow/get-trace-artifact
        GET 2.0/mlflow/logged-models/*
        GET 2.0/mlflow/logged-models/*/artifacts/directories
        GET 2.0/mlflow/logged-models/*/artifacts/files
        GET 2.0/mlflow/metrics/get-history
        GET 2.0/mlflow/metrics/get-history-bulk
        GET 2.0/mlflow/metrics/get-history-bulk-interval
        GET 2.0/mlflow/model-versions/get
        GET 2.0/mlflow/model-versions/get-download-uri
        GET 2.0/mlflow/registered-models/alias
        GET 2.0/mlflow/registered-models/get
        GET 2.0/mlflow/registered-models/get-latest-versions
        POST 2.0/mlflow/registered-models/get-latest-versions
        GET 2.0/mlflow/runs/get
        GET 2.0/mlflow/traces
        GET 2.0/mlflow/traces/*/info
        GET 3.0/mlflow/datasets/*
        GET 3.0/mlflow/datasets/*/experiment-ids
        GET 3.0/mlflow/datasets/*/records
        GET 3.0/mlflow/gateway/budgets/get
        GET 3.0/mlflow/gateway/budgets/windows
        GET 3.0/mlflow/gateway/endpoints/get
        GET 3.0/mlflow/gateway/guardrails/get
        GET 3.0/mlflow/gateway/guardrails/list
        GET 3.0/mlflow/gateway/guardrails/list-for-endpoint
        GET 3.0/mlflow/gateway/model-definitions/get
        GET 3.0/mlflow/gateway/secrets/config
        GET 3.0/mlflow/get-trace-artifact
        GET 3.0/mlflow/issues/*
        GET 3.0/mlflow/label-schemas/get
        GET 3.0/mlflow/label-schemas/get-by-name
        GET 3.0/mlflow/mcp-servers
        GET 3.0/mlflow/mcp-servers/**
        GET 3.0/mlflow/mcp-servers/**/aliases/**
        GET 3.0/mlflow/mcp-servers/**/endpoints
        GET 3.0/mlflow/mcp-servers/**/endpoints/*
        GET 3.0/mlflow/mcp-servers/**/versions
        GET 3.0/mlflow/mcp-servers/**/versions/**
        GET 3.0/mlflow/mcp-servers/endpoints
        GET 3.0/mlflow/prompt-optimization/jobs/*
        GET 3.0/mlflow/roles/get
        GET 3.0/mlflow/roles/list
        GET 3.0/mlflow/roles/permissions/list
        GET 3.0/mlflow/scorers/get
        GET 3.0/mlflow/scorers/online-configs
        GET 3.0/mlflow/scorers/versions
        GET 3.0/mlflow/traces/*
        GET 3.0/mlflow/traces/*/assessments/*
        GET 3.0/mlflow/traces/batchGet
        POST 3.0/mlflow/traces/batchGetInfos
        POST 3.0/mlflow/traces/calculate-filter-correlation
        GET 3.0/mlflow/traces/get
        POST 3.0/mlflow/traces/metrics
        POST 3.0/mlflow/traces/search
    """,
    Kind.CONTRIBUTOR: """
        DELETE 2.0/mlflow/registered-models/delete-tag
        POST 2.0/mlflow/registered-models/rename
        POST /gateway/*/mlflow/invocations
        POST /gateway/anthropic/v1/messages
        POST /gateway/gemini/v1beta/models/*:generateContent
        POST /gateway/gemini/v1beta/models/*:streamGenerateContent
        POST /gateway/mlflow/v1/chat/completions
        POST /gateway/openai/v1/chat/completions
        POST /gateway/openai/v1/embeddings
        POST /gateway/openai/v1/responses
        POST /gateway/openai/v1/responses/compact
        POST /gateway/proxy/*/**
        POST /gateway/typesafe/v1/systemone
        POST /v1/traces
        PUT 2.0/mlflow-artifacts/artifacts/**
        POST 2.0/mlflow-artifacts/mpu/abort/**
        POST 2.0/mlflow-artifacts/mpu/complete/**
        POST 2.0/mlflow-artifacts/mpu/create/**
        POST 2.0/mlflow/artifacts/presigned-upload-url
        POST 2.0/mlflow/experiments/create
        POST 2.0/mlflow/experiments/delete-experiment-tag
        POST 2.0/mlflow/experiments/set-experiment-tag
        POST 2.0/mlflow/experiments/update
        POST 2.0/mlflow/logged-models
        PATCH 2.0/mlflow/logged-models/*
        POST 2.0/mlflow/logged-models/*/params
        PATCH 2.0/mlflow/logged-models/*/tags
        POST 2.0/mlflow/model-versions/create
        POST 2.0/mlflow/model-versions/set-tag
        POST 2.0/mlflow/model-versions/transition-stage
        PATCH 2.0/mlflow/model-versions/update
        POST 2.0/mlflow/registered-models/alias
        POST 2.0/mlflow/registered-models/create
        POST 2.0/mlflow/registered-models/set-tag
        PATCH 2.0/mlflow/registered-models/update
        POST 2.0/mlflow/runs/create
        POST 2.0/mlflow/runs/create-promptlab-run
        POST 2.0/mlflow/runs/delete-tag
        POST 2.0/mlflow/runs/log-batch
        POST 2.0/mlflow/runs/log-inputs
        POST 2.0/mlflow/runs/log-metric
        POST 2.0/mlflow/runs/log-model
        POST 2.0/mlflow/runs/log-parameter
        POST 2.0/mlflow/runs/outputs
        POST 2.0/mlflow/runs/set-tag
        POST 2.0/mlflow/runs/update
        POST 2.0/mlflow/traces
        PATCH 2.0/mlflow/traces/*
        DELETE 2.0/mlflow/traces/*/tags
        PATCH 2.0/mlflow/traces/*/tags
        POST 2.0/mlflow/traces/link-prompts
        POST 2.0/mlflow/traces/link-to-run
        POST 2.0/mlflow/upload-artifact
        GET 2.0/mlflow/users/list
        POST 3.0/mlflow/datasets/*/add-experiments
        DELETE 3.0/mlflow/datasets/*/records
        POST 3.0/mlflow/datasets/*/records
        POST 3.0/mlflow/datasets/*/remove-experiments
        PATCH 3.0/mlflow/datasets/*/tags
        DELETE 3.0/mlflow/datasets/*/tags/*
        POST 3.0/mlflow/datasets/create
        POST 3.0/mlflow/gateway/endpoints/create
        POST 3.0/mlflow/gateway/model-definitions/create
        POST 3.0/mlflow/gateway/secrets/create
        GET 3.0/mlflow/gateway/secrets/get
        POST 3.0/mlflow/genai/evaluate/invoke
        POST 3.0/mlflow/issues
        PATCH 3.0/mlflow/issues/*
        POST 3.0/mlflow/issues/invoke
        POST 3.0/mlflow/mcp-servers
        PATCH 3.0/mlflow/mcp-servers/**
        POST 3.0/mlflow/mcp-servers/**/aliases
        POST 3.0/mlflow/mcp-servers/**/endpoints
        PATCH 3.0/mlflow/mcp-servers/**/endpoints/*
        POST 3.0/mlflow/mcp-servers/**/tags
        POST 3.0/mlflow/mcp-servers/**/versions
        PATCH 3.0/mlflow/mcp-servers/**/versions/**
        POST 3.0/mlflow/mcp-servers/**/versions/**/tags
        POST 3.0/mlflow/prompt-optimization/jobs
        POST 3.0/mlflow/prompt-optimization/jobs/*/cancel
        POST 3.0/mlflow/review-queues/create
        POST 3.0/mlflow/review-queues/get-or-create-user
        POST 3.0/mlflow/review-queues/items/add
        POST 3.0/mlflow/scorer/invoke
        PUT 3.0/mlflow/scorers/online-config
        POST 3.0/mlflow/scorers/register
        POST 3.0/mlflow/traces
        POST 3.0/mlflow/traces/*/assessments
        DELETE 3.0/mlflow/traces/*/assessments/*
        PATCH 3.0/mlflow/traces/*/assessments/*
        DELETE 3.0/mlflow/traces/*/tags
        PATCH 3.0/mlflow/traces/*/tags
    """,
    Kind.CREATOR: """
        DELETE 2.0/mlflow/logged-models/*/tags/*
        DELETE 2.0/mlflow-artifacts/artifacts/**
        DELETE 2.0/mlflow/logged-models/*
        DELETE 2.0/mlflow/model-versions/delete
        DELETE 2.0/mlflow/model-versions/delete-tag
        DELETE 2.0/mlflow/registered-models/alias
        DELETE 2.0/mlflow/registered-models/delete
        POST 2.0/mlflow/runs/delete
        POST 2.0/mlflow/runs/restore
        POST 2.0/mlflow/traces/delete-traces
        DELETE 3.0/mlflow/datasets/*
        POST 3.0/mlflow/gateway/endpoints/bindings/create
        DELETE 3.0/mlflow/gateway/endpoints/bindings/delete
        DELETE 3.0/mlflow/gateway/endpoints/delete
        DELETE 3.0/mlflow/gateway/endpoints/delete-tag
        POST 3.0/mlflow/gateway/endpoints/models/attach
        POST 3.0/mlflow/gateway/endpoints/models/detach
        POST 3.0/mlflow/gateway/endpoints/set-tag
        POST 3.0/mlflow/gateway/endpoints/update
        POST 3.0/mlflow/gateway/guardrails/add-to-endpoint
        POST 3.0/mlflow/gateway/guardrails/create
        DELETE 3.0/mlflow/gateway/guardrails/delete
        DELETE 3.0/mlflow/gateway/guardrails/remove-from-endpoint
        PATCH 3.0/mlflow/gateway/guardrails/update-config
        DELETE 3.0/mlflow/gateway/model-definitions/delete
        POST 3.0/mlflow/gateway/model-definitions/update
        DELETE 3.0/mlflow/gateway/secrets/delete
        POST 3.0/mlflow/gateway/secrets/update
        POST 3.0/mlflow/label-schemas/create
        DELETE 3.0/mlflow/label-schemas/delete
        PATCH 3.0/mlflow/label-schemas/update
        DELETE 3.0/mlflow/mcp-servers/**
        DELETE 3.0/mlflow/mcp-servers/**/aliases/**
        DELETE 3.0/mlflow/mcp-servers/**/endpoints/*
        DELETE 3.0/mlflow/mcp-servers/**/tags/**
        DELETE 3.0/mlflow/mcp-servers/**/versions/**
        DELETE 3.0/mlflow/mcp-servers/**/versions/**/tags/**
        DELETE 3.0/mlflow/prompt-optimization/jobs/*
        POST 3.0/mlflow/review-queues/delete
        GET 3.0/mlflow/review-queues/get
        GET 3.0/mlflow/review-queues/get-by-name
        GET 3.0/mlflow/review-queues/items/list
        POST 3.0/mlflow/review-queues/items/remove
        POST 3.0/mlflow/review-queues/update
        DELETE 3.0/mlflow/scorers/delete
        POST 3.0/mlflow/traces/delete-traces
    """,
    Kind.NAMED: """
        GET 3.0/mlflow/jobs/*
        PATCH 3.0/mlflow/jobs/cancel/*
        POST 3.0/mlflow/review-queues/items/set-status
    """,
    Kind.OWNER: """
        POST 2.0/mlflow/experiments/restore
        POST 2.0/mlflow/experiments/delete
        GET /signup
        POST 2.0/mlflow/users/create
        POST 3.0/mlflow/roles/assign
        POST 3.0/mlflow/roles/create
        DELETE 3.0/mlflow/roles/delete
        POST 3.0/mlflow/roles/permissions/add
        DELETE 3.0/mlflow/roles/permissions/remove
        PATCH 3.0/mlflow/roles/permissions/update
        DELETE 3.0/mlflow/roles/unassign
        PATCH 3.0/mlflow/roles/update
        GET 3.0/mlflow/roles/users/list
        GET 3.0/mlflow/users/permissions/get
        POST 3.0/mlflow/users/permissions/grant
        POST 3.0/mlflow/users/permissions/revoke
    """,
    Kind.ADMINISTRATOR: """
        GET /build/**
        GET 2.0/mlflow/get-online-trace-details
        GET 2.0/mlflow/unified-traces
        POST 2.0/mlflow/users/create-ui
        DELETE 2.0/mlflow/users/delete
        PATCH 2.0/mlflow/users/update-admin
        GET 2.0/mlflow/webhooks
        POST 2.0/mlflow/webhooks
        DELETE 2.0/mlflow/webhooks/*
        GET 2.0/mlflow/webhooks/*
        PATCH 2.0/mlflow/webhooks/*
        POST 2.0/mlflow/webhooks/*/test
        POST 3.0/mlflow/gateway/budgets/create
        DELETE 3.0/mlflow/gateway/budgets/delete
        POST 3.0/mlflow/gateway/budgets/update
        POST 3.0/mlflow/workspaces
    """,
    Kind.CONTRIBUTOR_IN_FRONT: """
        POST 2.0/mlflow/gateway-proxy
    """,
    Kind.ADMINISTRATOR_IN_FRONT: """
        POST 2.0mlflow/experiments/search-datasets
        POST 3.0/jobs/
        GET 3.0/jobs/*
        PATCH 3.0/jobs/cancel/*
        POST 3.0/jobs/search
        GET 3.0/mlflow/assistant/config
        PUT 3.0/mlflow/assistant/config
        POST 3.0/mlflow/assistant/message
        GET 3.0/mlflow/assistant/providers
        GET 3.0/mlflow/assistant/providers/*/health
        GET 3.0/mlflow/assistant/providers/*/models
        PATCH 3.0/mlflow/assistant/sessions/*
        POST 3.0/mlflow/assistant/sessions/*/permission
        GET 3.0/mlflow/assistant/sessions/*/stream
        POST 3.0/mlflow/assistant/sessions/*/tool-result
        POST 3.0/mlflow/assistant/skills/install
        POST 3.0/mlflow/demo/delete
        POST 3.0/mlflow/demo/generate
        DELETE 3.0/mlflow/workspaces/*
        GET 3.0/mlflow/workspaces/*
        PATCH 3.0/mlflow/workspaces/*
    """,
}
_API = re.compile(r"/(?:ajax-)?api/(?=\d)")
_VARIABLE = re.compile(r"<path:\w+>|\{\w+:path\}|<\w+>|\{\w+\}")


def mlflow_routes() -> Iterator[tuple[str, str, Kind]]:
    """Yield method, path and kind of every route that is known."""
    for kind, lines in _TABLE.items():
        for line in lines.split("\n"):
            if line.strip():
                method, path = line.split()
                yield method, path, kind


def normal_form(rule: str) -> str:
    """Return a route of Flask's or FastAPI's as it stands in the table."""
    return _VARIABLE.sub(lambda match: "**" if "path" in match[0] else "*", _API.sub("", rule, count=1))


def kind_of(method: str, path: str) -> Kind | None:
    """Return the kind of the route that a request takes, None for one that nobody has classified."""
    asked = "GET" if method == "HEAD" else method
    plain = _API.sub("", path, count=1)
    known = _FIXED.get((asked, plain))
    if known is not None:
        return known
    return next((kind for verb, pattern, kind in _PATTERNS if verb == asked and pattern.fullmatch(plain)), None)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\*\*", ".+").replace(r"\*", "[^/]+"))


_FIXED = {(method, path): kind for method, path, kind in mlflow_routes() if "*" not in path}
_PATTERNS = [(method, _pattern(path), kind) for method, path, kind in mlflow_routes() if "*" in path]
# The more a pattern says, the earlier it is asked.
_PATTERNS.sort(key=lambda entry: entry[1].pattern.count(".+") * 1000 - len(entry[1].pattern))
