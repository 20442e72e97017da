"""Inputs and outputs of services on ACI: their containers add to a blob container, and may do nothing else there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from services.azurite import Azurite
from services.captured import captured_inputs
from services.docker_engine import DockerEngine
from services.forwarding import forwarded
from services.resolving import resolved

from aml_plugins import Image, InferenceConfig, Workspace
from aml_plugins.errors import InvalidInputError
from aml_plugins.testing.service_kit.base import ECHO

pytestmark = [pytest.mark.xdist_group("networked-engine"), pytest.mark.timeout(900)]


@pytest.fixture
def account_url(networked_engine: DockerEngine, azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Azurite's address, as containers and this machine both reach it; its key is in the variable KEY."""
    monkeypatch.setenv("KEY", azurite.key)
    import docker

    with closing(docker.DockerClient(base_url=networked_engine.address)) as client:
        gateway = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    with forwarded(gateway, urlsplit(azurite.url).port or 0) as port:
        yield f"http://{gateway}:{port}/{azurite.account}"


def test_what_a_service_scored_is_in_the_datastore(
    workspace: Workspace, image_options: Mapping[str, Any], account_url: str, azurite: Azurite,
    tmp_path: Path,
) -> None:  # fmt: skip
    (source := tmp_path / "service").mkdir()
    (source / "score.py").write_text(ECHO.format(version=1))
    inference = InferenceConfig("score.py", source)
    image = Image.create(workspace, "echo", models=[], inference=inference, **image_options)
    with pytest.raises(InvalidInputError, match="they have no way to it"):
        image.deploy("echo", target="cloud", memory_gb=0.5, capture=True)
    container = azurite.create_container()
    workspace.register_datastore(
        "azure-blob", "kept", account_url=account_url, container=container, account_key="secret://env/KEY"
    )
    with resolved(workspace, "cloud"):
        service = image.deploy("echo", target="cloud", memory_gb=0.5, capture="kept", wait=True, timeout_seconds=600)
        try:
            for number in range(3):
                service.run({"n": number})
            assert captured_inputs(workspace, "kept", "echo", 3) == [{"n": 0}, {"n": 1}, {"n": 2}]
            groups = list(workspace.context.backends.get(workspace.name, "cloud").api.list_groups())
            assert "sig=" not in str(groups) + str(service.refresh().record)
        finally:
            service.delete()
