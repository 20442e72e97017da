"""Bring Microsoft's specifications into the emulator, without prose and examples: what checking traffic needs.

python tools/azure_specifications.py DIRECTORY    (a checkout of azure-rest-api-specs, or a part of it)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "aml_plugins" / "testing" / "azure_emulator" / "specifications"
PROSE = {"description", "summary", "x-ms-examples", "externalDocs", "example", "x-ms-client-name", "title"}
NAMES_ARE_DATA = {"properties", "definitions", "parameters", "paths", "responses"}


def stripped(value: Any, *, names_are_data: bool = False) -> Any:
    """Return the value without prose; a property may well be called "description"."""
    if isinstance(value, list):
        return [stripped(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: stripped(item, names_are_data=key in NAMES_ARE_DATA and not names_are_data)
        for key, item in value.items()
        if names_are_data or key not in PROSE or (key == "description" and not isinstance(item, str))
    }


def main(source: Path) -> None:
    for file in sorted(source.rglob("*.json")):
        target = TARGET / file.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        document = stripped(json.loads(file.read_text(encoding="utf-8-sig")))
        target.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
