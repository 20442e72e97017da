"""What remote sides say when they want to be left alone for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from aml_plugins.retry_after import LONGEST_SECONDS, seconds_asked


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"x-ms-retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"Retry-After": "999999"}, LONGEST_SECONDS),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_SECONDS),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
        (None, None),
    ],
)
def test_what_is_asked(headers: dict[str, str] | None, seconds: float | None) -> None:
    assert seconds_asked(headers) == seconds


def test_a_time_of_day_is_counted_from_now() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    asked = seconds_asked({"Retry-After": moment})
    assert asked is not None
    assert 0 < asked <= 120
