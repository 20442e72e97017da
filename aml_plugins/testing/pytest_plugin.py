"""The pytest plugin that comes with ``aml-plugins``: the kit's assertions explain themselves, and two fixtures.

Every pytest run of every environment that has this project loads it, so it imports nothing until a test asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aml_plugins.testing.fake_backend import FakeBackend
    from aml_plugins.testing.fake_clock import FakeClock

pytest.register_assert_rewrite("aml_plugins.testing.contract", "aml_plugins.testing.service_kit")


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that stands still until it is told to go."""
    from aml_plugins.testing.fake_clock import FakeClock  # noqa: PLC0415  see above

    return FakeClock()


@pytest.fixture
def fake_backend(fake_clock: FakeClock, tmp_path: Path) -> Iterator[FakeBackend]:
    """A compute backend in memory whose jobs live by ``fake_clock``."""
    from aml_plugins.testing.fake_backend import FakeBackend, fake_target  # noqa: PLC0415  see above

    backend = FakeBackend(fake_target(tmp_path), clock=fake_clock)
    yield backend
    backend.close()
