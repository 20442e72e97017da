"""The JSON Schema of ``.aml/NAME.runconfig`` files, for editors."""

from __future__ import annotations

import json
from typing import Any

from aml_plugins.runs.configuration.model import RunConfiguration

__all__ = ["schema_text"]


def schema_text() -> str:
    """Return the schema as it is published in ``docs/reference/runconfig.schema.json``."""
    schema: dict[str, Any] = RunConfiguration.model_json_schema(mode="validation")
    for section in schema["$defs"].values():
        if "kind" in section.get("properties", {}):
            # In Python the class says it; a file must.
            section["required"] = ["kind"]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "AML Plugins run configuration",
        **{key: value for key, value in schema.items() if key != "title"},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
