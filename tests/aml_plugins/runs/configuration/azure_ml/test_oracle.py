"""Microsoft's azureml-core and we hold the same after reading the same file.

``tools/azureml install`` makes the environment that has it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from services.azureml import INSTALL, find_azureml
from services.requirements import require_service

from aml_plugins.runs.configuration import RunConfiguration

FILES = Path(__file__).parent / "files"
VARIANTS = 150


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    require_service("azureml-core", find_azureml(), INSTALL)


def oracle(*arguments: str, lines: str = "") -> str:
    python_with_it = find_azureml()
    assert python_with_it is not None
    script = Path(__file__).with_name("oracle.py")
    found = subprocess.run(
        [python_with_it, str(script), *arguments], input=lines, capture_output=True, text=True, timeout=250, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def held_by_oracle(*files: tuple[Path, str]) -> list[Any]:
    lines = "".join(json.dumps([str(directory), name]) + "\n" for directory, name in files)
    answers = oracle("load", lines=lines).splitlines()
    return [json.loads(line.removeprefix("ANSWER ")) for line in answers if line.startswith("ANSWER ")]


def meaning(held: Mapping[str, Any]) -> dict[str, Any]:
    """What azureml-core holds, in the words of our model: written from its documentation, not from our reader."""
    environment, spark = held["environment"], held["spark"]["configuration"]
    is_spark = held["framework"].lower() == "pyspark"
    return {
        "script": held["script"],
        "arguments": [str(argument) for argument in held["arguments"]],
        "target": held["target"],
        "variables": texts({**environment["environmentVariables"], **held["environmentVariables"]}),
        "time_limit": held["maxRunDurationSeconds"],
        "node_count": held["nodeCount"],
        "environment": container(environment["docker"], held["docker"], python(environment["python"])),
        "spark": {
            "conf": texts(spark),
            "packages": [":".join(package.values()) for package in environment["spark"]["packages"]],
            "repositories": environment["spark"]["repositories"],
            "deploy_mode": held["hdi"]["yarnDeployMode"],
        }
        if is_spark
        else None,
        "data": {**references(held["dataReferences"]), **inputs(held["data"]), **outputs(held["outputData"])},
    }


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}


def python(section: Mapping[str, Any]) -> dict[str, Any]:
    if not section["userManagedDependencies"]:
        return {"kind": "conda", "specification": section["condaDependencies"]}
    interpreter = section["interpreterPath"]
    return {"kind": "existing"} | ({} if interpreter == "python" else {"interpreter": interpreter})


def container(section: Mapping[str, Any], options: Mapping[str, Any], inside: dict[str, Any]) -> dict[str, Any]:
    if not section["enabled"] and not options["useDocker"]:
        return inside
    dockerfile, address = section["baseDockerfile"], section["baseImageRegistry"]["address"]
    return {
        "kind": "docker",
        "arguments": section["arguments"] or options["arguments"],
        "shm_size": section["shmSize"],
        "shared_volumes": section["sharedVolumes"] and options["sharedVolumes"],
        "python": inside,
        **({"dockerfile": dockerfile} if dockerfile else {"image": section["baseImage"]}),
        **({"registry": {"address": address}} if address else {}),
    }


def entry(location: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    path = location["dataPath"]
    values = {"datastore": path["datastoreName"], "path": path["relativePath"], **others}
    return {key: value for key, value in values.items() if value is not None}


def references(section: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: entry(
            {"dataPath": {"datastoreName": item["dataStoreName"], "relativePath": item["pathOnDataStore"] or ""}},
            mode=item["mode"],
            overwrite=item["overwrite"],
            path_on_compute=item["pathOnCompute"],
        )
        for name, item in section.items()
    }


def inputs(section: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: entry(
            item["dataLocation"],
            mode=item["mechanism"],
            overwrite=item["overwrite"],
            path_on_compute=item["pathOnCompute"],
            environment_variable=item["environmentVariableName"],
        )
        for name, item in section.items()
    }


def outputs(section: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: entry(
            item["outputLocation"],
            mode="upload",
            overwrite=item["additionalOptions"]["uploadOptions"]["overwrite"],
            path_on_compute=item["additionalOptions"]["pathOnCompute"],
        )
        for name, item in section.items()
    }


def ours(directory: Path, name: str) -> dict[str, Any]:
    config = RunConfiguration.load(directory, name).resolve(directory)
    values = config.to_json()
    spark = config.spark
    return {
        "script": config.script,
        "arguments": list(config.arguments),
        "target": config.target,
        "variables": config.environment_variables,
        "time_limit": config.time_limit,
        "node_count": config.node_count,
        "environment": values["environment"],
        "spark": spark
        and {
            "conf": spark.conf,
            "packages": list(spark.packages),
            "repositories": list(spark.repositories),
            "deploy_mode": spark.deploy_mode,
        },
        "data": values["data"],
    }


def test_files_that_azureml_core_wrote(tmp_path: Path) -> None:
    oracle("save", str(tmp_path), str(VARIANTS))
    files = [(tmp_path / str(number), "v") for number in range(VARIANTS)]
    answers = held_by_oracle(*files)
    assert len(answers) == VARIANTS
    for (directory, name), held in zip(files, answers, strict=True):
        assert ours(directory, name) == meaning(held), directory


@pytest.mark.parametrize("name", ["gpu/gpu", "spark/cluster", "tabs/run", "separate/sep"])
def test_files_that_people_wrote(name: str, tmp_path: Path) -> None:
    source, _, stem = name.partition("/")
    [held] = held_by_oracle((FILES / source, stem))
    if source == "tabs":  # azureml-core reads JSON as YAML, which allows no tabs
        assert "error" in held
        return
    config = RunConfiguration.load(FILES / source, stem)
    assert (config.script, config.target, config.node_count) == (held["script"], held["target"], held["nodeCount"])
    assert config.time_limit == held["maxRunDurationSeconds"]
    assert sorted(config.environment_variables) == sorted(
        {**held["environment"]["environmentVariables"], **held["environmentVariables"]}
    )


def test_azureml_core_refuses_workbench_files_and_we_read_them() -> None:
    [held] = held_by_oracle((FILES / "workbench", "docker"))
    assert held == {"error": "UserErrorException"}
    assert RunConfiguration.load(FILES / "workbench", "docker").script == "iris_sklearn.py"
