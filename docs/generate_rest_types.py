"""Write aml_plugins/rest_types.py, the REST API's bodies as Python types: python docs/generate_rest_types.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from datamodel_code_generator import DataModelType, InputFileType, PythonVersion, generate
from datamodel_code_generator.format import Formatter

DOCUMENT = Path(__file__).parent / "reference" / "openapi.json"
PAGE = Path(__file__).parents[1] / "aml_plugins" / "rest_types.py"
HEADER = '''\
"""Bodies and answers of the REST API, for type checkers: what docs/reference/openapi.json says, as ``TypedDict``.

Written by docs/generate_rest_types.py; do not edit. A field that may be absent is ``NotRequired``. Fields are added
within an API version, so that an answer may have more than its type says. Limits of lengths and values are in the
document alone.
"""
'''


def main() -> None:
    """Write the module."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the module as it should be."""
    made = generate(
        DOCUMENT.read_text(encoding="utf-8"),
        input_filename=DOCUMENT.name,
        input_file_type=InputFileType.OpenAPI,
        output_model_type=DataModelType.TypingTypedDict,
        target_python_version=PythonVersion.PY_311,
        custom_file_header=HEADER,
        formatters=[Formatter.BUILTIN],
        collapse_root_models=True,
        use_closed_typed_dict=False,  # mypy knows no closed ones, and fields are added
        use_double_quotes=True,
        use_field_description=True,
        use_schema_description=True,
        use_single_line_docstring=True,
        use_standard_collections=True,
        use_union_operator=True,
    )
    return _formatted(str(made))


def _formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=120", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
