"""``target`` names an attached compute target, or a service type."""

from __future__ import annotations

import pytest
from services.serving import Serving

from aml_plugins.errors import InvalidInputError, PluginError


def test_a_target_that_runs_no_services_is_refused(serving: Serving) -> None:
    serving.workspace.attach_compute("ssh", "vm", host="vm.example.com")
    with pytest.raises(InvalidInputError, match=r"'vm' \(type ssh\) runs no services\. Service types: .*local"):
        serving.image().deploy("iris", target="vm")


def test_an_unknown_name_is_told_with_the_types(serving: Serving) -> None:
    with pytest.raises(PluginError, match="There is no service type 'nowhere'"):
        serving.image().deploy("iris", target="nowhere")


def test_secrets_of_variables_come_from_the_workspaces_stores(serving: Serving, monkeypatch) -> None:
    from aml_plugins.secrets.managing import set_secret
    from aml_plugins.secrets.stores import register_secret_store

    workspace = serving.workspace
    register_secret_store(workspace.context, workspace.name, "file", "team", {})
    set_secret(workspace.context, workspace.name, "token", "s3cr3t")
    script = "import os\ndef init(): pass\ndef run(d): return os.environ['TOKEN'].upper()\n"
    service = serving.image(script).deploy("iris", variables={"TOKEN": "secret://team/token"}, wait=True)
    assert service.run("x") == "S3CR3T"
