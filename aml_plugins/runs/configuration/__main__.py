"""``python -m aml_plugins.runs.configuration schema`` prints the JSON Schema."""

from __future__ import annotations

import sys

from aml_plugins.runs.configuration.schema import schema_text


def main(arguments: list[str]) -> int:
    """Print the schema.

    :returns: the exit code.
    """
    if arguments != ["schema"]:
        sys.stderr.write("Usage: python -m aml_plugins.runs.configuration schema\n")
        return 2
    sys.stdout.write(schema_text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
