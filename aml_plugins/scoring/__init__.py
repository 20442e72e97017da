"""The scoring server: serves a scoring script (``init()`` and ``run()``) or an MLflow model over HTTP.

It keeps Azure ML's contract (docs/reference/scoring-server.md). This package is an island: it imports itself,
uvicorn and the standard library, so an image carries just this folder, under any name. Everything else (Flask,
prometheus-client, OpenTelemetry, MLflow) is used where the model's environment has it.

One process supervises; each worker process is started by it, runs ``init()`` once and answers one request at a time,
in its main thread, as the scripts were promised: their ``run()`` may use signals or an event loop of its own.
"""

from __future__ import annotations

__all__ = ["SERVER_NAME"]

SERVER_NAME = "aml-plugins"
