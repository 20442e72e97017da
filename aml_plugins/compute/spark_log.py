"""What Spark itself had to say, out of what spark-submit printed and, through Livy, what YARN said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["SPARK_LOG", "telling"]

SPARK_LOG = "spark.txt"
"""File among a run's logs that has all of it."""

LINES, CHARACTERS = 3, 600
_DIAGNOSTICS = "YARN Diagnostics:"
_HEADINGS = frozenset({"stdout:", "stderr:", _DIAGNOSTICS})
_NOISE = re.compile(r"at [\w.$/<>]+\(|\.\.\. \d+ more$|spark-submit start failed$")
_CHATTER = re.compile(r"\S+ \S+ (TRACE|DEBUG|INFO|WARN) |\[\w{3} \w{3} .*\] Application is added")
_CAUSE = re.compile(r'(?:Caused by|Exception in thread "[^"]*"):? ?(.+)')


def telling(lines: Iterable[str]) -> str:
    """Return what tells why Spark ended: the cause it names, what YARN says, or else the last lines; empty for none."""
    said = [line.strip() for text in lines for line in text.splitlines()]
    said = [line for line in said if line and not _NOISE.match(line)]
    after = said[said.index(_DIAGNOSTICS) + 1 :] if _DIAGNOSTICS in said else []
    diagnosed = [line for line in after if not _CHATTER.match(line)]
    said = [line for line in said if line not in _HEADINGS]
    causes = [found[1] for line in said if (found := _CAUSE.match(line))]
    grave = [line for line in said if not _CHATTER.match(line)]
    return _joined(causes[-1:] or diagnosed[:LINES] or grave[-LINES:] or said[-LINES:])


def _joined(lines: Sequence[str]) -> str:
    return " / ".join(lines)[:CHARACTERS]
