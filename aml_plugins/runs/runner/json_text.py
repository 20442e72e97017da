"""JSON without importing ``json``, whose regular expressions cost as much time as starting Python does."""

from __future__ import annotations

try:
    import _json as accelerator  # what json.loads and json.dumps use
except ImportError:  # another implementation of Python
    accelerator = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["dumps", "loads"]


class _Defaults:
    """The settings of ``json.loads`` without arguments."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012  never written to: the scanner in C has its own


def loads(text: str) -> Any:
    """Parse JSON.

    :raises ValueError: where it is none.
    """
    text = text.strip()
    try:
        value, end = accelerator.make_scanner(_Defaults)(text, 0)  # type: ignore[arg-type]  # it asks for attributes
    except Exception:  # noqa: BLE001  whatever it was, the module that is made for it knows better
        end = -1
    if end == len(text):
        return value
    import json  # noqa: PLC0415  the slow way: for the error message, or on another implementation

    return json.loads(text)


def dumps(value: Any) -> str:
    """Return JSON of text, numbers, None and mappings of them."""
    if accelerator is None:
        import json  # noqa: PLC0415  the slow way, on another implementation

        return json.dumps(value)
    if isinstance(value, str):
        return str(accelerator.encode_basestring_ascii(value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dumps(key)}: {dumps(item)}" for key, item in value.items()) + "}"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)
