"""Updates: nobody notices them, and those that fail leave everything as it was.

A type that replaces a version in place cannot hide that: there the new version answers afterwards, shares are refused,
and a version that failed is followed by the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aml_plugins.errors import InvalidInputError, OperationFailedError, TransientBackendError
from aml_plugins.testing.service_kit.base import MakeImage, ServiceKitBase
from aml_plugins.testing.service_kit.deployment import BROKEN
from aml_plugins.testing.service_kit.load import constant_load
from aml_plugins.testing.waiting import wait_until

if TYPE_CHECKING:
    from aml_plugins import Service
    from aml_plugins.services.contract import ServiceBackend

__all__ = ["UpdatingKit"]


class UpdatingKit(ServiceKitBase):
    """``route``: shares, updates and changes of scale under constant load."""

    def test_no_request_fails_while_versions_and_replicas_change(
        self, backend: ServiceBackend, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        service = deploy(image(version=1), replicas=2)
        if backend.replaces_in_place:
            self._change_in_place(service, image)
            return
        assert service.scoring_uri is not None
        with constant_load(service.scoring_uri) as load:
            service.update(image=image(version=2), wait=True)
            service.scale(1, wait=True)
            load.wait_for_more()
        assert load.failures == []
        assert set(load.versions) == {1, 2}
        assert service.run("x")["version"] == 2

    def test_shares_are_kept_and_a_failed_update_changes_nothing(
        self, backend: ServiceBackend, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        service = deploy(image(version=1))
        if backend.replaces_in_place:
            self._fail_in_place(service, image)
            return
        service.update(image=image(version=2), traffic=25, wait=True)
        assert self.counted(service) == {1: 75, 2: 25}
        with pytest.raises(OperationFailedError, match="there is no such model"):
            service.update(image=image(BROKEN), wait=True)
        assert self.counted(service) == {1: 75, 2: 25}
        service.update(image=image(version=4), wait=True)
        assert self.counted(service) == {4: 100}

    def _change_in_place(self, service: Service, image: MakeImage) -> None:
        service.update(image=image(version=2), wait=True)
        wait_until(lambda: self._version(service) == 2, self.patience)
        service.scale(1, wait=True)
        wait_until(lambda: self._version(service) == 2, self.patience)
        assert [one["replicas"] for one in service.to_json()["versions"]] == [1]

    def _fail_in_place(self, service: Service, image: MakeImage) -> None:
        second = image(version=2)
        with pytest.raises(InvalidInputError, match="shared out"):
            service.update(image=second, traffic=25)
        with pytest.raises(OperationFailedError, match="there is no such model"):
            service.update(image=image(BROKEN), wait=True)
        wait_until(lambda: self._version(service) == 1, self.patience)
        service.update(image=second, wait=True)
        wait_until(lambda: self._version(service) == 2, self.patience)

    def _version(self, service: Service) -> int | None:
        """Return which version answers, None while none does: one ends before the next begins."""
        try:
            return int(service.run("x")["version"])
        except TransientBackendError:
            return None

    def counted(self, service: Service) -> dict[int, int]:
        """Return how many of a hundred requests each version answers, to the nearest quarter of all."""
        counts = Counter(service.run("x")["version"] for _ in range(100))
        return {version: round(count / 25) * 25 for version, count in sorted(counts.items())}

    def test_a_request_under_way_is_answered_by_the_version_that_got_it(
        self, backend: ServiceBackend, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  the kit is loaded by every pytest

        if backend.replaces_in_place:
            return
        service = deploy(image(version=1))
        second = image(version=2)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(lambda: type(service).get(service.workspace, "kit").run("sleep 6"))
            service.update(image=second, wait=True)
            assert slow.result()["version"] == 1
        assert service.run("x")["version"] == 2
