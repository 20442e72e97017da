"""Did you mean."""

from __future__ import annotations

import pytest

from aml_plugins.suggestions import did_you_mean


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("locl", " Did you mean 'local'?"),
        ("LOCAL", " Did you mean 'local'?"),
        ("azure_batch", " Did you mean 'Azure-Batch'?"),
        ("kubernetes", ""),
        ("", ""),
        ("l" * 100_000, ""),
    ],
)
def test_the_nearest_word_is_suggested_or_none(word, expected):
    assert did_you_mean(word, ["ssh", "local", "Azure-Batch", "x" * 100_000]) == expected


def test_nothing_to_choose_from():
    assert not did_you_mean("local", [])
