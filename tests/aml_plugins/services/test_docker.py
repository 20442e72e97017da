"""Services as containers of a real engine."""

from __future__ import annotations

import pytest
from services.serving import SCRIPT

from aml_plugins import Service
from aml_plugins.errors import OperationFailedError

SECOND = SCRIPT.replace("VERSION = 1", "VERSION = 2")


@pytest.fixture
def docker(serving, engine, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", engine.address)
    import docker

    client = docker.from_env()
    yield client
    for service in Service.list(serving.workspace):
        service.delete()
    client.close()


def containers(client) -> list[str]:
    return [one.name for one in client.containers.list(all=True, filters={"label": "io.aml.service"})]


def test_a_container_serves_is_updated_and_goes(serving, docker, engine):
    # The default base: this machine's own Python, so that the image runs.
    image = serving.image(base_image=None)
    if engine.network == "none":
        with pytest.raises(OperationFailedError, match="published none of its ports: it has no network 'bridge'"):
            image.deploy("unreachable", target="docker", wait=True)
    service = image.deploy("iris", target="docker", network="host", auth=True, wait=True)
    assert service.run("x")["version"] == 1
    assert len(containers(docker)) == 1
    details = docker.containers.get(containers(docker)[0]).attrs
    assert details["Config"]["User"] == "10001:10001"
    assert details["HostConfig"]["ReadonlyRootfs"]
    assert service.keys().primary not in str(details)
    assert "model directory ['model.bin']" in service.get_logs()
    with pytest.raises(OperationFailedError, match="no such model"):
        service.update(
            image=serving.image("def init(): raise ValueError('no such model')\ndef run(d): 1\n", base_image=None),
            wait=True,
        )
    assert service.run("x")["version"] == 1
    service.update(image=serving.image(SECOND, base_image=None), wait=True)
    assert service.run("x")["version"] == 2
    assert len(containers(docker)) == 1
    service.delete()
    assert containers(docker) == []
