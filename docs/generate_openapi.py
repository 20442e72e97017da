"""Write docs/reference/openapi.json, the REST API's own description: python docs/generate_openapi.py."""

from __future__ import annotations

import json
from pathlib import Path

PAGE = Path(__file__).parent / "reference" / "openapi.json"


def main() -> None:
    """Write the document."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the document as it should be."""
    from aml_plugins.server.api import described_api  # noqa: PLC0415  MLflow's server costs seconds

    return json.dumps(described_api().openapi(), indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    main()
