"""A real service beside a server: deployed into its home, so that its console can see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.serving import Serving

from aml_plugins import Service, Workspace

__all__ = ["INPUT", "SCRIPT", "deployed"]

SCRIPT = """
import json
def init():
    print("the model is there <b>bold</b>")
def run(data):
    given = json.loads(data)
    if given.get("fail"):
        raise ValueError("no such flower")
    return {"sum": sum(given["sizes"]), "name": given["name"]}
"""
INPUT = {
    "type": "object",
    "required": ["sizes", "name"],
    "properties": {
        "name": {"type": "string", "description": "What the flower is called."},
        "sizes": {"type": "array", "items": {"type": "number"}},
        "count": {"type": "integer"},
        "fail": {"type": "boolean"},
        "colour": {"enum": ["blue", "white"]},
    },
    "example": {"name": "iris", "sizes": [1, 2.5]},
}


@contextmanager
def deployed(workspace: Workspace, root: Path, name: str, **settings: object) -> Iterator[Service]:
    """Deploy a service with a schema of its own; delete it at the end."""
    serving = Serving(workspace, root)
    document = {"swagger": "2.0", "paths": {}, "definitions": {"ServiceInput": INPUT}}
    (serving.source / "swagger.json").write_text(json.dumps(document))
    service = serving.image(SCRIPT).deploy(name, wait=True, **settings)
    try:
        yield service
    finally:
        with suppress(Exception):
            service.delete()
