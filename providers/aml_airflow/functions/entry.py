"""What runs on the target: call the function with the arguments that came along, and leave what it returns.

Standard library only, any CPython from 3.8 on. It lies beside ``aml_task_function.py`` as ``aml_task_main.py``; it is
given the function's name, the name of the file with the arguments, how a result may be written, and how long it may be.
"""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from pathlib import Path
from typing import Any, Tuple  # noqa: UP035  Python 3.8

_FUNCTION_MODULE = "aml_task_function"
_RESULT = Path("outputs", "aml_task")


def main(function: str, arguments_file: str, serializer: str, limit: str) -> None:
    """Run the task's function."""
    positional, named = _arguments(Path(__file__).resolve().with_name(arguments_file))
    value = getattr(importlib.import_module(_FUNCTION_MODULE), function)(*positional, **named)
    name, content = _written(value, function, serializer)
    if len(content) > int(limit):
        sys.exit(
            f"What '{function}' returned has {len(content)} bytes; at most {limit} travel. "
            "Write it to a file in outputs/, and return its name."
        )
    _RESULT.mkdir(parents=True, exist_ok=True)
    part = _RESULT / f"{name}.part"
    part.write_bytes(content)
    part.replace(_RESULT / name)


def _arguments(file: Path) -> Any:
    if file.suffix == ".json":
        return json.loads(file.read_text("utf-8"))
    return pickle.loads(file.read_bytes())  # noqa: S301  it came with the function itself


def _written(value: Any, function: str, serializer: str) -> Tuple[str, bytes]:  # noqa: UP006  Python 3.8
    """Return the name and content of the file that brings the value home."""
    try:
        text = json.dumps(value, allow_nan=False)
        if json.loads(text) == value:
            return "result.json", text.encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        pass
    if serializer != "cloudpickle":
        sys.exit(
            f"'{function}' returned a {type(value).__name__}, and JSON cannot carry what is in it. Return numbers, "
            "texts, lists and dictionaries with text keys; or write files to outputs/; or decorate the function with "
            'serializer="cloudpickle", where you trust whoever may write to the run.'
        )
    return "result.pkl", _pickling().dumps(value, protocol=4)


def _pickling() -> Any:
    """Return cloudpickle, or else what is enough for values that can be imported at home."""
    try:
        return importlib.import_module("cloudpickle")
    except ImportError:
        return pickle


if __name__ == "__main__":
    main(*sys.argv[1:])
