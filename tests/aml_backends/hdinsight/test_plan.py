from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aml_backends.hdinsight.backend import HDInsightBackend
from aml_backends.hdinsight.states import application_link
from aml_plugins.compute import ComputeTarget, JobSpec
from aml_plugins.compute.targets import validate_config
from aml_plugins.errors import InvalidInputError

KEY = "aml-0123456789abcdef0123456789abcdef-1"
CLUSTER = {"url": "https://spark.azurehdinsight.net/livy", "staging": "abfs://jobs@store.dfs.core.windows.net/aml"}
SPEC = JobSpec(
    workspace="team-a",
    run_id=KEY[4:36],
    attempt=1,
    bundle={},
    environment_variables={"TOKEN": "hunter2"},
    display={"workspace": "team-a", "experiment": "words", "run": "count"},
    spark={
        "conf": {"spark.executor.instances": "4"},
        "py_files": ["helper.py"],
        "jars": ["abfs://jars@store.dfs.core.windows.net/x.jar"],
        "packages": ["org.example:one:1", "org.example:two:2"],
        "driver_memory": "4g",
        "num_executors": 4,
        "queue": "batch",
    },
)


def make(**settings: Any) -> HDInsightBackend:
    config = validate_config(HDInsightBackend, "hdinsight", {**CLUSTER, **settings})
    return HDInsightBackend(
        ComputeTarget(workspace="team-a", name="cluster", type="hdinsight", config=config, home=Path("home"))
    )


def test_the_request_in_full() -> None:
    directory = f"abfs://jobs@store.dfs.core.windows.net/aml/{KEY}"
    assert make(queue="default").plan(SPEC, KEY).request == {
        "url": "https://spark.azurehdinsight.net/livy/batches",
        "batch": {
            "file": f"{directory}/agent.py",
            "args": [directory, "***"],
            "name": KEY,
            "conf": {
                "spark.yarn.maxAppAttempts": "1",
                "spark.aml.name": "count",
                "spark.yarn.tags": KEY,
                "spark.jars.packages": "org.example:one:1,org.example:two:2",
                "spark.executor.instances": "4",
            },
            "queue": "batch",
            "driverMemory": "4g",
            "numExecutors": 4,
            "pyFiles": [f"{directory}/bundle/files/helper.py"],
            "jars": ["abfs://jars@store.dfs.core.windows.net/x.jar"],
        },
        "staged": ["helper.py"],
        "environment_variables": {"TOKEN": "***"},
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"node_count": 2}, "starts one driver, the run asks for 2 nodes"),
        ({"environment": {"kind": "docker", "image": "x"}}, "runs no Docker images"),
        ({"spark": {"deploy_mode": "client"}}, "starts drivers on the cluster"),
        ({"spark": {"remote": "sc://spark.example.com"}}, "the run asks for Spark Connect"),
        ({"spark": {"files": ["../secrets"]}}, r"'\.\./secrets' of the 'spark' section lies outside"),
        ({"spark": {"jars": ["/etc/passwd"]}}, "lies outside"),
    ],
)
def test_what_the_cluster_cannot_run_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        make().plan(replace(SPEC, **changes), KEY)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"url": "spark.azurehdinsight.net"}, "must be an address"),
        ({"url": "https://admin:hunter2@spark.azurehdinsight.net"}, "without a password"),
        ({"staging": "/tmp/here"}, "must begin with one of abfs"),
        ({"password": "hunter2"}, "must be a reference"),
        ({"storage_options": {"account_key": "hunter2"}}, "'account_key' must be a reference"),
        ({"storage_options": '{"account_key": "hunter2"}'}, "'account_key' must be a reference"),
        ({"storage_options": "hunter2"}, "storage_options"),
        ({"pasword": "secret://env/X"}, "Did you mean 'password'"),
    ],
)
def test_wrong_settings_are_told_without_the_secret(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence) as caught:
        make(**settings)
    assert "hunter2" not in str(caught.value) + caught.value.fix
    assert "Value error" not in str(caught.value)
    assert ("Did you mean" in str(caught.value)) == ("pasword" in settings)


@pytest.mark.parametrize(
    ("batch", "livy", "link"),
    [
        (
            {"appId": "application_1_2"},
            "https://spark.azurehdinsight.net/livy",
            "https://spark.azurehdinsight.net/yarnui/hn/cluster/app/application_1_2",
        ),
        ({"appId": "local-1", "appInfo": {"sparkUiUrl": "http://node:4040"}}, "http://livy", "http://node:4040"),
        ({"appInfo": {"sparkUiUrl": "javascript:alert(1)"}}, "http://livy", None),
        ({"appId": None, "appInfo": {"sparkUiUrl": None}}, "https://spark.azurehdinsight.net/livy", None),
        (None, "http://livy", None),
    ],
)
def test_the_page_of_the_application(batch: dict[str, object] | None, livy: str, link: str | None) -> None:
    assert application_link(batch, livy) == link
