"""What every service type must pass."""

from __future__ import annotations

from aml_plugins.testing.service_kit.access import AccessKit
from aml_plugins.testing.service_kit.crashes import CrashesKit
from aml_plugins.testing.service_kit.deployment import DeploymentKit
from aml_plugins.testing.service_kit.manners import ServiceMannersKit
from aml_plugins.testing.service_kit.updating import UpdatingKit

__all__ = ["ServiceTypeContract"]


class ServiceTypeContract(DeploymentKit, UpdatingKit, AccessKit, CrashesKit, ServiceMannersKit):
    """Inherit, provide the fixture ``workspace``, say what ``target`` and ``factory_module`` are, and run pytest.

    ::

        class TestMyServices(ServiceTypeContract):
            factory_module = "my_plugin.services"
            target = "my-type"

            @pytest.fixture
            def workspace(self, tmp_path, monkeypatch):
                monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))
                monkeypatch.setenv("AML_AUTO_MONITOR", "0")
                workspace = Workspace.get()
                yield workspace
                workspace.close()

    Services run small scoring scripts, are called, updated under load, and driven by processes that are killed. What an
    author may say besides stands in ``aml_plugins/testing/service_kit/base.py``: ``settings``, ``image_options``,
    ``remaining``, ``patience``, ``sdk_modules``.
    """
