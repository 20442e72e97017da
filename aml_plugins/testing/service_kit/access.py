"""Who may call: two keys, changed one by one while callers go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from aml_plugins.errors import OperationFailedError
from aml_plugins.testing.service_kit.base import MakeImage, ServiceKitBase
from aml_plugins.testing.service_kit.load import constant_load
from aml_plugins.testing.waiting import wait_until

if TYPE_CHECKING:
    from aml_plugins import Service
    from aml_plugins.services.contract import ServiceBackend

__all__ = ["AccessKit"]


class AccessKit(ServiceKitBase):
    """``keys``, and settings that a type refuses."""

    def test_keys_let_in_and_are_made_anew_one_by_one(
        self, backend: ServiceBackend, image: MakeImage, deploy: Callable[..., Service]
    ) -> None:
        service = deploy(image(), auth=True)
        keys = service.keys()
        assert keys.primary != keys.secondary
        assert service.keys() == keys
        assert [_status(service, key) for key in (None, "wrong", keys.primary, keys.secondary)] == [401, 401, 200, 200]
        url = str(service.scoring_uri)
        with constant_load(url, key=keys.secondary) as load:
            fresh = service.keys(regenerate="primary")
            assert fresh.secondary == keys.secondary
            assert fresh.primary not in {keys.primary, keys.secondary}
            wait_until(lambda: _status(service, fresh.primary) == 200, self.patience)
            wait_until(lambda: _status(service, keys.primary) == 401, self.patience)
            load.wait_for_more()
        assert load.failures == [] or backend.replaces_in_place
        service.update(image=image(version=2), wait=True)
        assert service.keys() == fresh
        wait_until(lambda: _status(service, fresh.primary) == 200, self.patience)

    def test_wrong_input_gets_the_scoring_servers_words(self, image: MakeImage, deploy: Callable[..., Service]) -> None:
        service = deploy(image(), max_request_bytes=1000)
        with pytest.raises(OperationFailedError, match="413"):
            service.run("x" * 2000)
        assert service.run("x" * 900)["version"] == 1


def _status(service: Service, key: str | None) -> int:
    """Return the answer's status, 0 where nobody answers."""
    import urllib3  # noqa: PLC0415  the kit is loaded by every pytest

    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    url = str(service.scoring_uri)
    try:
        return urllib3.request("POST", url, body=json.dumps("x"), headers=headers, timeout=60, retries=False).status
    except urllib3.exceptions.HTTPError:
        return 0
