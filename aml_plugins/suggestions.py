"""Guess which word a user meant."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean"]

_LONGEST = 100
"""Longer words are not typing mistakes, and comparing them costs the square of their length."""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the choice most like ``word``, or nothing.

    The space in front lets callers append it to a sentence.
    """
    import difflib  # noqa: PLC0415  only mistakes pay for it

    folded = {choice.casefold(): choice for choice in choices if len(choice) <= _LONGEST}
    close = difflib.get_close_matches(word.casefold(), folded, n=1) if len(word) <= _LONGEST else []
    return f" Did you mean '{folded[close[0]]}'?" if close else ""
