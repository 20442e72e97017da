"""Whole numbers that come as texts: Microsoft's own command line sends some so, and the service reads them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any

__all__ = ["with_numbers"]

_PROBLEM = re.compile(r"body(?P<path>(?:/\w+)+): '(?P<text>-?\d{1,10})' is not of type 'integer'")


def with_numbers(body: Any, problems: Iterable[str]) -> Any:
    """Return a body in which texts are numbers where the specification wants those.

    :param problems: what the specification does not allow of the body.
    """
    found = [match for match in map(_PROBLEM.fullmatch, problems) if match]
    if not found:
        return body
    body = copy.deepcopy(body)
    for match in found:
        *above, name = match["path"].strip("/").split("/")
        place = body
        for part in above:
            place = place[int(part) if isinstance(place, list) else part]
        place[int(name) if isinstance(place, list) else name] = int(match["text"])
    return body
